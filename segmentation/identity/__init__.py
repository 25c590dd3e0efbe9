"""Who a user is: pseudonyms inside and outside. Raw user ids end here."""
