"""What every factorization needs: arrays in, errors out, products between."""
