"""Arrays of other libraries: what comes in goes out."""
