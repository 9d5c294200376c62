"""The workers, one file per family, one function per kind. Importing this package declares them all."""
