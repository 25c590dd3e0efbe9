"""The rules that a run follows: a file becomes frozen `Rules`, or all of its errors with their places.

Here belongs what reads or orders the rules, and what follows from the rules alone. What a kind of feature means is in
the room of features, what a condition means in that of expressions; users and events are not known.
"""
