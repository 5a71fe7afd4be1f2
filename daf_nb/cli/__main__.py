"""`python -m daf_nb.cli`, where the script `daf-nb` is not on the path."""

from daf_nb.cli.app import main

main()
