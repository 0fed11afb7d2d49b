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
    # The horizon (sections 4 and 8)
    'no retry window':             'operations older than the horizon are accepted',
    'collect by add timestamp':    'removal records go by the add they name, not by the commit that brought them',
    'silence is forgotten':        'who is silent does not hold the horizon, evicted or not',
    'no fence on rows':            'rows of a sender below my horizon are merged',
    'no rebase':                   'a node below a horizon goes on as if nothing had happened',
    'rebase keeps all':            'rebase keeps adds that the peer has seen and no longer holds',
    'rebase keeps what is above':  'rebase keeps an add by its timestamp, not by whether the peer has seen its commit',
    'rebase drops removals':       'rebase drops removal records that the peer lacks',
    # Lives that are over: what of them was seen (gossip/ended_lives.h, redo.h)
    'past an end is merged':       'what nobody has seen of a life that is over is merged',
    'past an end is kept':         'it stays on its disk, under its old commit',
    'comes back with nothing':     'it is dropped, and not done again',
    'done again in silence':       'that it was done again is told to nobody',
    'a row is done again as one':  'what a node did itself is left, where its row has something of others, too, that nobody has seen',
    'hidden by what nobody has seen': 'an add that is dead by a removal that nobody has seen is not sent on',
    'rebase trusts the record':    'rebase drops what was seen by somebody, whether or not the peer has seen it',
    'rebase keeps the clock':      'rebase keeps what its clock claims, though what nobody has seen may have taken the place of some of it',
    'the same, or in its place':   'where a row has the same under another commit, nothing else in it is looked at before merging',
    'clock of what was not taken': 'the clock moves at the end of a pull of which something was not merged',
    'seen up to the last':         'what is behind gaps counts as seen up to its last, not exactly',
    'floors rise meanwhile':       'the floor of a node rises before it has looked for what nobody has seen',
    # Eviction (section 8)
    'a minority evicts':           'those left over need not be more than half of all',
    'most of those left will do':  'one of those left over need not accept',
    'several votes a version':     'a member accepts proposals against several of one table',
    'votes are forgotten':         'a vote, and the fence with it, is over with a restart',
    'who accepts does not fence':  'who has accepted goes on listening to who is to go',
    'not in step with who accepted': 'it takes effect before the proposer has got in step with all who accepted',
    'own words outlive an eviction': 'what the evicted said of its lives, unheard, counts like what was agreed on',
    'an end stands for ever':      'a final that nobody holds any more is not agreed on anew',
    'a life is evicted, not its node': 'a life of an evicted node that nobody knew of counts as any other',
    'comes back without a rebase': 'who comes back and is not below a horizon goes on without a rebase',
    'admitted by one':             'one member is enough to admit the evicted, and one alone knows of it',
}

KILLED_BY = {}
