#include "gossip/message_words.h"

#include "gossip/message.h"

namespace kith {
namespace {

std::string plural(std::size_t n, const std::string& noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

// The rows of the member table that came along: members, and their lives.
std::string members_of(const CellBlock& block) {
  std::size_t members = 0, lives = 0;
  if (const auto cells = block.read()) {
    for (const Cell& cell : *cells) {
      if (!node_of_evicted_cell(cell.key)) ++(life_of_cell(cell.key) ? lives : members);
    }
  }
  const std::string of_lives = std::to_string(lives) + (lives == 1 ? " life" : " lives");
  if (members == 0) return of_lives;
  return plural(members, "member") + (lives == 0 ? "" : " and " + of_lives);
}

std::size_t cell_count(const CellBlock& block) {
  const auto cells = block.read();
  return cells ? cells->size() : 0;
}

struct Describe {
  std::string operator()(const JoinBody& body) { return "join as " + body.name; }
  std::string operator()(const WelcomeBody& body) { return "welcome to " + body.cluster_name; }
  std::string operator()(const RefuseBody& body) { return "refuse " + body.code; }
  std::string operator()(const PushBody& body) {
    std::size_t cells = 0;
    for (const auto& part : body.parts) cells += cell_count(part.cells);
    std::string out = "push ";
    if (!body.parts.empty()) {
      out += plural(cells, "cell") + " in " + plural(body.parts.size(), "shard") +
             (body.parts.front().previous ? ", after an earlier one" : ", the first");
    }
    for (const auto& relayed : body.relayed) out += "relayed " + plural(relayed.parts.size(), "part");
    return out + (body.spread ? ", for the row too" : "") + (body.nonce != 0 ? ", ack wanted" : "");
  }
  std::string operator()(const AckBody&) { return "ack"; }
  std::string operator()(const SummaryBody&) { return "summary"; }
  std::string operator()(const AgreedBody&) { return "agreed"; }
  std::string operator()(const DigestsBody& body) { return "digests of " + plural(body.shards.size(), "shard"); }
  std::string operator()(const PullBody& body) {
    std::size_t positions = 0;
    for (const auto& part : body.parts) positions += part.epoch ? 1 : 0;
    return "pull " + plural(body.parts.size(), "shard") + (positions > 0 ? ", " + std::to_string(positions) + " from a cursor" : "");
  }
  std::string operator()(const RowsBody& body) {
    std::size_t cells = 0, ends = 0;
    for (const auto& part : body.parts) cells += cell_count(part.cells), ends += part.end ? 1 : 0;
    return "rows: " + plural(cells, "cell") + ", " + std::to_string(ends) + " of " + plural(body.parts.size(), "shard") + " to the end";
  }
  std::string operator()(const FetchBody& body) { return "fetch " + plural(body.keys.size(), "row"); }
  std::string operator()(const MendedBody& body) {
    std::size_t cells = 0;
    for (const auto& part : body.parts) cells += cell_count(part.cells);
    return "mended " + plural(cells, "cell") + ", " + std::to_string(body.missing.size()) + " missing";
  }
  std::string operator()(const StoppingBody&) { return "stopping"; }
  std::string operator()(const SupersededBody&) { return "superseded"; }
  std::string operator()(const EvictBody& body) {
    const std::string what = body.going.empty() ? "nobody" : plural(body.going.size(), "member") + " of " + std::to_string(body.members.size());
    switch (body.step) {
      case VoteStep::kPrepare: return "evict: asks about " + what;
      case VoteStep::kConfirm: return "evict: confirm, please, for " + what;
      case VoteStep::kWithdrawn: return "evict: given up, of " + what;
      default: return "evict: votes, please, for " + what;
    }
  }
  std::string operator()(const VoteBody& body) {
    if (body.refusal != VoteRefusal::kNone) return "vote refused";
    if (body.step == VoteStep::kStands) return "vote: does it stand?";
    return body.step == VoteStep::kPrepare ? "vote promised" : "vote";
  }
  std::string operator()(const EvictedBody&) { return "evicted"; }
  std::string operator()(const RebaseBody& body) {
    return "rebase of shard " + std::to_string(body.shard) + (body.after.empty() ? "" : ", from a position") +
           (body.counters.empty() ? "" : ", bases of " + plural(body.counters.size(), "counter"));
  }
  std::string operator()(const RebasedBody& body) {
    return "rebased: " + plural(body.buckets.count(), "bucket") + ", " +
           (body.sketch.empty() ? plural(cell_count(body.cells), "cell") : plural(body.sketch.size(), "byte") + " of sketch") +
           (body.end ? ", to the end" : "") + (body.sound ? "" : ", damaged");
  }
  std::string operator()(const ProbeBody& body) {
    const std::string with = body.rumours.empty() ? "" : ", " + plural(body.rumours.size(), "rumour");
    switch (body.step) {
      case ProbeBody::Step::kPing: return "ping" + with;
      case ProbeBody::Step::kPong: return "pong" + with;
      case ProbeBody::Step::kPingFor: return "ping for me" + with;
      case ProbeBody::Step::kPongFor: return "it answers me" + with;
      case ProbeBody::Step::kSilent: return "it does not answer me" + with;
      case ProbeBody::Step::kRumours: return plural(body.rumours.size(), "rumour");
    }
    return "probe";
  }
  std::string operator()(const AuditBody& body) {
    return "audit of " + plural(body.roots.size(), "shard");
  }
  std::string operator()(const BucketsBody& body) { return "buckets of " + plural(body.parts.size(), "shard"); }
  std::string operator()(const RepairBody& body) {
    return "repair " + plural(body.buckets.count(), "bucket") + (body.after.empty() ? "" : ", from a position") +
           (body.back ? ", in return" : "");
  }
  std::string operator()(const RepairedBody& body) {
    return "repaired: " + plural(cell_count(body.cells), "cell") + (body.end ? ", to the end" : "");
  }
};

}  // namespace

std::string describe(const std::string& bytes) {
  Envelope envelope;
  const FrameError error = decode(bytes, envelope);
  if (error != FrameError::kNone) return "bytes that are no message: " + std::string(to_string(error));
  const std::string body = std::visit(Describe{}, envelope.body);
  return body + (envelope.members.empty() ? "" : ", with " + members_of(envelope.members));
}

}  // namespace kith
