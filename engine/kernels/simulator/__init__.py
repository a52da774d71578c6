"""A stand-in for pylibcudf on machines without a GPU, behind the real signatures."""
