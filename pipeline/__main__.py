"""`python -m pipeline` is `seq2seq`."""

from pipeline.cli.main import main

raise SystemExit(main())
