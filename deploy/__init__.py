"""Jobs, reports, images and manifests."""
