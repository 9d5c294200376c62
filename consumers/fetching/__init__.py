"""Where jobs come from: fetchers, and the consumer-group membership behind them."""
