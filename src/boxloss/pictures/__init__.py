"""Pictures made without a library for plots: of a loss, for notebooks and pages."""
