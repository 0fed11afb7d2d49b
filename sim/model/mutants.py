"""Each RULE by itself can be switched off.  Then some history must break a law, or the rule is no rule, or the model is blind."""

MUTANTS = {
    # Replication (section 6)
    'clock at every chunk':        'the clock moves at each pull answer, not at the end of the feed',
    'push ignores gaps':           'a push raises the clock though the commit before it is missing',
    'any answer counts':           'a pull answer to an earlier question moves cursor and clock',
    # Lives (section 7)
    'restart keeps its origin':    'a restart goes on under the old origin',
    'earlier lives may speak':     'messages of an earlier life are accepted after a newer one is known',
    'closed without pulling':      'a node closes its former lives before it has pulled from every member',
    'final of what is left':       'the final of a former life is the highest of its commits in the rows that are left',
    'retired covers all':          'of a retired life everything counts as seen, above its final too',
    # The horizon (sections 4 and 8)
    'no retry window':             'operations older than the horizon are accepted',
    'collect by add timestamp':    'removal records go by the add they name, not by the commit that brought them',
    'silence is forgotten':        'who is silent does not hold the horizon, evicted or not',
    'no fence on rows':            'rows of a sender below my horizon are merged',
    'no rebase':                   'a node below a horizon goes on as if nothing had happened',
    'rebase keeps all':            'rebase keeps adds that the peer has seen and no longer holds',
    'rebase keeps what is above':  'rebase keeps an add by its timestamp, not by whether the peer has seen its commit',
    'rebase drops removals':       'rebase drops removal records that the peer lacks',
    # Eviction (section 8)
    'no renaming':                 'what members hold past the final of an evicted life stays under its origin',
    'names are replaced':          'a later agreement replaces what an earlier one said commits are called now',
    'taken over by one':           'only the proposer takes over what members hold past a final, and only that',
    'rows of who has not heard':   'a pull counts, and a rebase, of a node that has not heard of some end or name',
    'an end stands for ever':      'a final that nobody holds any more is not agreed on anew',
    'a life is evicted, not its node': 'a life of an evicted node that nobody knew of counts as any other',
    # The way back (section 8)
    'admitted by one':             'one member is enough to admit the evicted, and one alone knows of it',
    'a joiner has a floor':        'a node that comes back empty has a floor before it is in step with a member',
    'comes back to anybody':       'it comes back to a member that lacks what it has below its finals',
    'comes back with nothing':     'what nobody had seen is not done again',
    'past a final is kept':        'what is above the final of a life stays, under its old commit',
    'done again in silence':       'that a write was done again is told to nobody',
}
