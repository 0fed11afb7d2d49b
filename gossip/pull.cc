#include "gossip/pull.h"

#include <algorithm>
#include <utility>

#include "crdt/limits.h"

namespace kith {
namespace {

// So that one question cannot hold the node up: a scan of this many rows, of whichever shards, takes some milliseconds.  While much is
// written every shard differs from what a peer has at the moment, and the marks begin some entries too early in each.
constexpr std::uint64_t kFeedEntriesPerAnswerMax = 4096;
// However many the member table took.
constexpr std::uint64_t kFeedEntriesPerAnswerLeast = 512;

// Of clocks in one question; shards beyond are asked for when it is answered.  One clock more still fits a message, up to
// 60,000 lives.
constexpr std::size_t kQuestionBytesMax = kMessageBytesMax / 2;

// The member table comes before what speaks of members.
std::vector<ShardId> in_order_of_answer(const std::set<ShardId>& shards) {
  std::vector<ShardId> out(shards.begin(), shards.end());
  if (!out.empty() && out.back() == kSystemShard) std::rotate(out.begin(), out.end() - 1, out.end());
  return out;
}

// Of a pull that has come some way, in a row; then it is left.
constexpr int kUnansweredMax = 3;
// Of one of all shards, which is of use only as a whole.
constexpr int kUnansweredOfAllMax = 12;

// An answer may be late by so many times the patience, and still teach it.
constexpr std::size_t kGivenUpMax = 16;
// How long the patience with a peer may grow that answers late.
constexpr std::int64_t kPatienceMsMax = 60'000;

}  // namespace

void Pull::start(NodeId peer, const std::vector<ShardId>& shards, std::optional<Horizon::AsOf> as_of) {
  if (shards.empty() || core_.member(peer) == nullptr || core_.unheeded(peer)) return;
  // Behind a horizon the member table is all that may be asked for, but by gossip/rebase, which pulls everything.
  if (core_.behind && !(as_of && as_of->rebased)) {
    if (std::find(shards.begin(), shards.end(), kSystemShard) == shards.end() && !core_.table_differs(peer)) return;
    if (shards.size() > 1 || shards.front() != kSystemShard) return start(peer, {kSystemShard});
  }
  Question& question = questions_[peer];
  // SUBTLE: an answer that is on its way already is older than what the peer says now.
  if (question.nonce == 0) question.as_of = std::move(as_of);
  // SUBTLE: what is at its end stays at its end until all are: on a bad link some shard would always be asked for again.
  for (const ShardId shard : shards) {
    if (question.asked.contains(shard) || question.at_end.contains(shard)) continue;
    question.later.insert(shard);
  }
  if (question.nonce == 0) ask(peer, question);
}

void Pull::ask(NodeId peer, Question& question) {
  std::set<ShardId> wanted = std::exchange(question.later, {});
  const std::map<ShardId, Asked> before = std::exchange(question.asked, {});
  for (const auto& [shard, asked] : before) wanted.insert(shard);
  if (core_.table_differs(peer)) wanted.insert(kSystemShard);
  question.nonce = core_.random.nonzero();
  question.expires_at_ms = core_.now.monotonic_ms + patience_ms(peer);
  const OriginId epoch = core_.peers[peer].origin;
  const auto snapshot = core_.store.snapshot();
  PullBody body;
  body.nonce = question.nonce;
  std::size_t bytes = 0;
  for (const ShardId shard : in_order_of_answer(wanted)) {
    if (bytes >= kQuestionBytesMax) {
      question.later.insert(shard);
      continue;
    }
    Asked& asked = question.asked[shard];
    asked.setbacks = core_.setbacks(shard);
    if (const auto at = before.find(shard); at != before.end() && at->second.setbacks == asked.setbacks) asked = at->second;
    PullBody::Part part;
    part.shard = shard;
    part.clock = core_.clocks.held(shard);
    // A cursor that is in the batch at hand is newer than the one in the store.
    const StoreBatch& batch = core_.out->store;
    std::optional<Cursor> cursor;
    if (asked.behind_what_was_not_taken) cursor = asked.behind_what_was_not_taken;
    else if (const auto pending = batch.cursors().find({shard, peer}); pending != batch.cursors().end()) cursor = pending->second;
    else if (!batch.cursors_forgotten().contains(shard)) cursor = snapshot->cursor(shard, peer);
    if (cursor && cursor->epoch == epoch) {
      part.epoch = cursor->epoch;
      part.after = cursor->lsn;
    }
    bytes += part.clock.size() * 16 + 32;
    body.parts.push_back(std::move(part));
  }
  core_.count("pulls_asked");
  core_.send(peer, std::move(body));
}

std::int64_t Pull::patience_ms(NodeId peer) const {
  const auto at = late_.find(peer);
  return at == late_.end() ? core_.options.pull_timeout_ms : std::max(core_.options.pull_timeout_ms, at->second.patience_ms);
}

bool Pull::rebasing_onto(NodeId peer) const {
  const auto at = questions_.find(peer);
  return at != questions_.end() && at->second.as_of && at->second.as_of->rebased;
}

void Pull::give_up(NodeId peer) { questions_.erase(peer); }

void Pull::forget(NodeId peer) {
  brought_nothing_at_ms_.erase(peer);
  questions_.erase(peer);
  late_.erase(peer);
}

void Pull::tick() {
  for (auto at = questions_.begin(); at != questions_.end();) {
    if (core_.now.monotonic_ms < at->second.expires_at_ms) {
      ++at;
      continue;
    }
    core_.count(at->second.progressed ? "pulls_cut_in_the_middle" : "pulls_unanswered");
    // SUBTLE: who rebases asks again at once, so that the answer to the question before the last may be on its way.
    auto& given_up = late_[at->first].nonces;
    given_up.push_back(at->second.nonce);
    if (given_up.size() > kGivenUpMax) given_up.pop_front();
    // SUBTLE: of many shards with an answer for each, some answer is always lost: what is at its end stays at its end.
    const bool of_all = at->second.as_of && at->second.as_of->of_all;
    if (at->second.progressed && ++at->second.unanswered <= (of_all ? kUnansweredOfAllMax : kUnansweredMax)) {
      ask(at->first, at->second);
      ++at;
    } else {
      at = questions_.erase(at);  // The next round that finds a difference asks again.
    }
  }
}

std::optional<std::int64_t> Pull::wake_at_ms() const {
  std::optional<std::int64_t> at_ms;
  for (const auto& [peer, question] : questions_) at_ms = std::min(at_ms.value_or(question.expires_at_ms), question.expires_at_ms);
  return at_ms;
}

RowsBody::Part Pull::read_feed(const Snapshot& snapshot, const PullBody::Part& asked, Timestamp floor,
                               Room& room, const Damage& damage) {
  // SUBTLE: nobody has what nobody had seen of a life that is over, and in its row it may have the place of what our clock claims.
  const bool with_unseen = core_.redoing && asked.shard != kSystemShard;
  const auto over = [&](const Commit& commit) { return commit.at <= floor && core_.retired(commit.origin); };
  const auto covered = [&](const Commit& commit) {
    return covers(asked.clock, commit) || (over(commit) && !(with_unseen && core_.unseen(asked.shard, commit)));
  };
  const auto all_covered = [&](const Commit& commit) {  // With what came before it in its life.
    return covers(asked.clock, commit) || (over(commit) && !(with_unseen && core_.unseen_up_to(asked.shard, commit)));
  };
  RowsBody::Part part;
  part.shard = asked.shard;
  const bool same_feed = asked.epoch == core_.self.origin;
  const Lsn feed_end = snapshot.feed_end(asked.shard);
  // Two lower bounds, of which the higher counts: what was read of this feed, and what the clock covers.  A cursor alone
  // stays behind while pushes bring everything, and one lost push would make us scan all that was pushed since.  A
  // position past our end was never given out by this life.
  part.next = snapshot.first_unseen(asked.shard, all_covered);
  if (same_feed && asked.after <= feed_end) part.next = std::max(part.next, asked.after);
  part.end = true;
  std::uint64_t scanned = 0;
  bool sound = true;
  snapshot.feed_after(asked.shard, part.next, [&](Lsn lsn, const StoreKey& key, const Row* row) {
    if (scanned++ == room.entries) {
      part.end = false;
      return false;
    }
    if (row == nullptr && key.empty()) {
      // SUBTLE: the row whose entry this was is not read here, so our clock would claim too much.
      sound = false;
      damage.doubted(asked.shard);
    } else if (row == nullptr) {
      damage.found(key);
    } else {
      const auto lacking = [&](const Commit& commit) { return !covered(commit); };
      // SUBTLE: what killed an add may be of a life that is over, and merged by nobody before it was done again.  The add is.
      const bool killed_unseen = core_.redoing && core_.any_unseen(asked.shard, row->content);
      const Content unseen = killed_unseen ? row->content.where(lacking) : row->content.shown_where(lacking);
      if (!unseen.empty()) {
        CellBlock cell;
        cell.append(row->cell, unseen);
        const bool certain = room.one_cell_for_certain && part.cells.empty();
        if (!certain && part.cells.size() + cell.size() > room.bytes) {
          part.end = false;
          return false;
        }
        part.cells.append(cell);
        core_.count("rows_sent");
      }
    }
    part.next = lsn;
    return true;
  });
  room.entries -= std::min(room.entries, scanned);
  core_.count("feed_entries_scanned", scanned);
  if (part.end) {
    part.next = feed_end;
    part.sound = sound && !damage.waiting_in(asked.shard);
    if (part.sound) part.clock = snapshot.held(asked.shard);
  }
  return part;
}

void Pull::on_pull(const Envelope& envelope, const PullBody& body, const Damage& damage) {
  const NodeId from = envelope.sender;
  core_.count("pulls_answered");
  const auto snapshot = core_.store.snapshot();
  RowsBody answer;
  answer.nonce = body.nonce;
  answer.promise = core_.promise_of_durable();
  Room room{core_.options.answer_bytes_max, false, kFeedEntriesPerAnswerMax};
  const auto take = [&](std::size_t bytes) { room.bytes -= std::min(room.bytes, bytes); };
  const auto read = [&](const PullBody::Part& asked, bool one_cell_for_certain) {
    room.one_cell_for_certain = one_cell_for_certain;
    answer.parts.push_back(read_feed(*snapshot, asked, envelope.floor, room, damage));
    take(answer.parts.back().cells.size() + answer.parts.back().clock.size() * 16 + 32);
  };
  const auto system = std::find_if(body.parts.begin(), body.parts.end(),
                                   [](const auto& part) { return part.shard == kSystemShard; });
  // SUBTLE: of lives that are over each may have one in its clocks that the other has not.  That is for a round to settle; two that took
  // turns to ask would leave it no question to do it with (gossip/horizon.h, in_step).
  const auto last = brought_nothing_at_ms_.find(from);
  const bool in_vain = last != brought_nothing_at_ms_.end() && core_.now.monotonic_ms < last->second + core_.options.gossip_interval_ms;
  const auto only_lives_that_are_over = [&](const PullBody::Part& asked) {
    return std::none_of(asked.clock.begin(), asked.clock.end(),
                        [&](const auto& it) { return core_.clocks.knows(it.first) && it.second > core_.clocks.held(asked.shard, it.first); });
  };
  Core::Piece members;
  bool members_known = true;  // To the asker, once it has read this.
  if (system != body.parts.end()) {
    read(*system, true);
    members_known = answer.parts.back().end;
    // SUBTLE: neither is ahead of the other, and the tables differ: a row of it is lost to one of the two, and no clock says so.
    const bool behind = core_.clocks.behind(kSystemShard, system->clock) && !only_lives_that_are_over(*system) && !core_.unheeded(from);
    const bool stuck = members_known && answer.parts.back().cells.empty() && !behind;
    if (stuck && core_.table_differs(from)) {
      members = core_.table_piece();
      take(members.cells.size());
      core_.count("member_tables_sent");
    }
  } else if (core_.table_differs(from)) {
    members = core_.table_piece();
    take(members.cells.size());
    members_known = members.whole;
    core_.count("member_tables_sent");
  }
  std::vector<ShardId> ahead;  // Shards in which the asker holds what we lack: our turn to ask.
  // SUBTLE: the member table comes with every question for as long as tables differ, so a cell of something else comes
  // with every answer, however little room the table leaves.
  bool first = true;
  for (const auto& asked : body.parts) {
    if (core_.clocks.behind(asked.shard, asked.clock) && !(in_vain && only_lives_that_are_over(asked))) ahead.push_back(asked.shard);
    if (asked.shard == kSystemShard || !members_known || (!first && (room.bytes == 0 || room.entries == 0))) continue;
    if (first) room.entries = std::max(room.entries, kFeedEntriesPerAnswerLeast);
    read(asked, std::exchange(first, false));
  }
  core_.send(from, std::move(answer), std::move(members.cells));
  start(from, ahead);
}

void Pull::claim(Question& question, ShardId shard, const Claim& claim, OriginId epoch) {
  for (const auto& [origin, commit] : claim.clock) {
    if (core_.clocks.knows(origin)) core_.hold(shard, origin, commit);
    // A life that is retired here, and not there yet.  SUBTLE: that member may lack some of it (a disk that went back), and who has joined
    // and is not whole has no clock that would show.
    else if (!core_.whole && core_.retired(origin) && question.as_of && !question.as_of->rebased) {
      core_.unequal_tables += question.as_of->of_all ? 1 : 0;  // SUBTLE: all others may have gone back, and wait for our floor to retire it.
      question.as_of.reset();
    }
  }
  core_.clocks.promise(shard, epoch, claim.promise);
}

std::map<ShardId, bool> Pull::on_rows(NodeId from, OriginId origin, const RowsBody& body) {
  std::map<ShardId, bool> ended;
  const auto at = questions_.find(from);
  const auto late = late_.find(from);
  if (at == questions_.end() || at->second.nonce != body.nonce) {
    // SUBTLE: an answer counts in time only, so a timeout below the round trip would never let one count.
    if (late != late_.end() && std::ranges::count(late->second.nonces, body.nonce) > 0) {
      late->second = {{}, std::min(2 * patience_ms(from), kPatienceMsMax)};
      core_.count("pulls_answered_late");
    }
    core_.count("dropped_unasked_rows");
    return ended;
  }
  Question& question = at->second;
  if (late != late_.end()) late->second.patience_ms -= late->second.patience_ms / 16;
  std::vector<std::vector<Cell>> parts;
  for (const auto& part : body.parts) {
    auto cells = core_.read_cells(part.shard, part.cells);
    if (!cells || !question.asked.contains(part.shard)) {
      core_.count("dropped_bad_cells");
      return ended;
    }
    parts.push_back(*std::move(cells));
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto& part = body.parts[i];
    const std::uint64_t dropped_before = core_.unseen_dropped;
    for (const Cell& cell : parts[i]) core_.merge(part.shard, cell.key, cell.content);
    core_.count("rows_pulled", parts[i].size());
    question.brought |= !parts[i].empty();
    Asked& asked = question.asked.at(part.shard);
    if (asked.setbacks != core_.setbacks(part.shard)) continue;  // Asked again, from where the clock stands.
    // SUBTLE: what was not taken may have had in its row the place of what was seen.  It is read again until it is done again.
    const bool all_taken = core_.unseen_dropped == dropped_before && !asked.behind_what_was_not_taken;
    if (!all_taken) asked.behind_what_was_not_taken = Cursor{origin, part.next};
    core_.out->store.set_cursor(part.shard, from, all_taken ? Cursor{origin, part.next} : Cursor{});
    if (!part.end) continue;
    if (part.sound && core_.on_pulled) core_.on_pulled(from, part.shard, part.clock);
    question.asked.erase(part.shard);
    if (!(ended[part.shard] = part.sound && all_taken)) {
      question.as_of.reset();
      continue;
    }
    question.at_end.insert(part.shard);
    // SUBTLE: lives whose ends the member has forgotten are in our table until the rebase is through (gossip/rebase.h).  Where it is not, for
    // the member is gone for good, our clock would cover what was said of their ends.
    if (part.shard == kSystemShard && core_.behind) question.of_table = {part.clock, body.promise};
    else claim(question, part.shard, {part.clock, body.promise}, origin);
  }
  if (question.asked.empty() && question.later.empty()) {
    const bool rebased = question.as_of && question.as_of->rebased;
    if (rebased) claim(question, kSystemShard, question.of_table, origin);
    const auto as_of = std::move(question.as_of);
    if (question.brought) brought_nothing_at_ms_.erase(from);
    else brought_nothing_at_ms_[from] = core_.now.monotonic_ms;
    questions_.erase(at);
    core_.count("pulls_completed");
    if (as_of) horizon_.in_step(*as_of);
  } else {
    question.progressed = true;
    question.unanswered = 0;
    ask(from, question);
  }
  return ended;
}

}  // namespace kith
