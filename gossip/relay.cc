#include "gossip/relay.h"

#include <iterator>

namespace kith {
namespace {

constexpr std::size_t kPartBytes = 32;     // Shard, two timestamps, headers.
constexpr std::size_t kRelayedBytes = 48;  // Node, origin, start, floor, headers.

}  // namespace

void Relay::take(NodeId node, Life life, Timestamp floor, std::vector<PushBody::Part> parts) {
  if (!parts.empty()) arrived_.push_back({node, life.origin, life.start, floor, std::move(parts)});
}

void Relay::batch_is_durable() {
  for (auto& relayed : std::exchange(arrived_, {})) {
    for (const auto& part : relayed.parts) gathered_bytes_ += part.cells.size() + kPartBytes;
    auto& of_life = gathered_[{relayed.node, relayed.origin}];
    if (of_life.parts.empty()) of_life = {relayed.node, relayed.origin, relayed.start, relayed.floor, {}};
    std::move(relayed.parts.begin(), relayed.parts.end(), std::back_inserter(of_life.parts));
  }
  if (gathered_.empty()) return;
  if (core_.stopping || gathered_bytes_ >= core_.options.push_bytes_max) return send_gathered();
  tick();
}

void Relay::tick() {
  const auto due_at_ms = wake_at_ms();
  if (due_at_ms && core_.now.monotonic_ms >= *due_at_ms) send_gathered();
}

std::optional<std::int64_t> Relay::wake_at_ms() const {
  if (gathered_.empty()) return std::nullopt;
  if (!sent_at_ms_) return core_.now.monotonic_ms;
  return *sent_at_ms_ + core_.options.relay_gather_ms;
}

void Relay::send_gathered() {
  if (gathered_.empty()) return;
  std::vector<NodeId> row;
  if (core_.in_table()) row = row_of(core_.members.ids(), core_.self.node);
  PushBody body;
  CellBlock records;
  std::size_t bytes = 0;
  const auto send = [&] {
    core_.count("relayed_messages", row.size());
    core_.send_push(row, std::exchange(body, {}), std::exchange(records, {}));
    bytes = 0;
  };
  for (auto& [life, relayed] : std::exchange(gathered_, {})) {
    bool open = false;           // The last of `body` is this life's.
    bool introduced = false;     // Its record comes along.
    for (auto& part : relayed.parts) {
      // Nobody takes the originator of a new record for a stranger.
      const CellBlock record = part.shard == kSystemShard ? core_.record_of(relayed.node) : CellBlock{};
      const std::size_t more = part.cells.size() + record.size() + kPartBytes + kRelayedBytes;
      if (bytes > 0 && bytes + more > core_.options.push_bytes_max) {
        send();
        open = introduced = false;
      }
      if (!open) body.relayed.push_back({relayed.node, relayed.origin, relayed.start, relayed.floor, {}});
      open = true;
      if (!introduced && !record.empty()) {
        records.append(record);
        introduced = true;
      }
      body.relayed.back().parts.push_back(std::move(part));
      bytes += more;
    }
  }
  send();
  gathered_bytes_ = 0;
  sent_at_ms_ = core_.now.monotonic_ms;
}

}  // namespace kith
