"""Linear models from sufficient statistics: per block, merged, solved; knows neither frames nor plans."""
