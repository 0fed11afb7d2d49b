#include "gossip/push.h"

#include <algorithm>
#include <iterator>

namespace kith {
namespace {

constexpr std::size_t kOutstandingMax = 4096;  // Pushes whose ack may still come; beyond that a pull tells as much.

}  // namespace

void Push::flush(bool ack) {
  PushBody body;
  std::size_t bytes = 0;
  bool split = false;
  const auto send_gathered = [&] {
    if (!body.parts.empty()) send(std::move(body), ack);
    body = PushBody{};
    bytes = 0;
  };
  Timestamp newest;
  for (auto& [shard, pending] : core_.pending_pushes) {
    Timestamp previous = pending.previous;
    bool open = false;  // The last part of `body` is of this shard.
    for (const auto& step : pending.steps) {
      constexpr std::size_t kPartBytes = 32;  // Shard, two timestamps, headers.
      if (bytes > 0 && bytes + step.cells.size() + kPartBytes > core_.options.push_bytes_max) {
        send_gathered();
        open = false;
        split = true;
      }
      newest = std::max(newest, step.commit);
      if (!open) body.parts.push_back({shard, previous, step.commit, {}});
      open = true;
      body.parts.back().commit = previous = step.commit;
      body.parts.back().cells.append(step.cells);
      bytes += step.cells.size() + kPartBytes;
    }
  }
  // SUBTLE: of a commit that does not fit one message no message says all; then the next round does.
  if (!split && newest) body.after = core_.pushed_up_to ? core_.pushed_up_to : core_.self.start;
  if (newest) core_.pushed_up_to = newest;
  send_gathered();
  core_.pending_pushes.clear();
}

void Push::send(PushBody body, bool ack) {
  // The first push of a life tells of its record: nobody takes its sender for a stranger.
  const bool tells_of_us = std::any_of(body.parts.begin(), body.parts.end(),
                                       [](const auto& part) { return part.shard == kSystemShard; });
  const CellBlock record = tells_of_us ? core_.record_of(core_.self.node) : CellBlock{};
  if (ack) return send_for_acks(body, record);
  if (core_.tells_all()) return core_.send_push(core_.others(), std::move(body), record);
  send_along_grid(std::move(body), record);
}

void Push::send_for_acks(const PushBody& body, const CellBlock& record) {
  std::vector<Covered> parts;
  for (const auto& part : body.parts) parts.push_back({part.shard, part.previous, part.commit});
  const auto covered = std::make_shared<const std::vector<Covered>>(std::move(parts));
  for (const NodeId to : core_.others()) {
    PushBody asking = body;
    asking.nonce = core_.random.nonzero();
    outstanding_[asking.nonce] = {to, covered};
    order_.push_back(asking.nonce);
    core_.send(to, std::move(asking), record);
  }
  // What was answered is still in `order_`: it goes when it is the oldest.
  while (order_.size() > kOutstandingMax || (!order_.empty() && !outstanding_.contains(order_.front()))) {
    outstanding_.erase(order_.front());
    order_.pop_front();
  }
}

void Push::send_along_grid(PushBody body, const CellBlock& record) {
  const Neighbours neighbours = core_.neighbours();
  // The relays first: what they get has another hop to go.
  body.spread = true;
  std::vector<NodeId> well;
  for (const NodeId relay : neighbours.relays) {
    PeerState& peer = core_.peers[relay];
    // SUBTLE: silence says something only about those who were asked to speak.  The ack that comes back is nobody's but
    // `heard`'s: its nonce is not kept.
    if (peer.heard_at_ms >= 0 && core_.now.monotonic_ms - peer.heard_at_ms < core_.options.relay_silent_ms / 2) {
      well.push_back(relay);
      continue;
    }
    if (peer.asked_at_ms < 0) peer.asked_at_ms = core_.now.monotonic_ms;
    PushBody asking = body;
    asking.nonce = core_.random.nonzero();
    core_.send(relay, std::move(asking), record);
  }
  // The own row gets it with what is relayed to it anyway: one message an edge and interval, whoever wrote.
  relay_.take(core_.self.node, {core_.self.origin, core_.self.start}, core_.floor(), body.parts);
  core_.send_push(well, std::move(body), record);
}

std::optional<Push::Cells> Push::read(const Parts& parts) const {
  Cells out;
  for (const auto& part : parts) {
    auto cells = core_.read_cells(part.shard, part.cells);
    if (!cells) return std::nullopt;
    out.push_back(*std::move(cells));
  }
  return out;
}

Push::Parts Push::unseen(OriginId origin, const Parts& parts) const {
  Parts out;
  std::copy_if(parts.begin(), parts.end(), std::back_inserter(out), [&](const auto& part) {
    return core_.clocks.up_to(part.shard, origin) < part.commit &&
           !core_.early.has(part.shard, origin, part.previous, part.commit);
  });
  return out;
}

bool Push::take(OriginId origin, const Parts& parts, const Cells& cells) {
  bool all_taken = true;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto& part = parts[i];
    const std::uint64_t dropped_before = core_.unseen_dropped;
    for (const Cell& cell : cells[i]) core_.merge(part.shard, cell.key, cell.content);
    core_.count("rows_pushed_to_us", cells[i].size());
    if (core_.unseen_dropped != dropped_before) {
      all_taken = false;  // As with a pull: no clock, and no word that it is here.
    } else if (core_.clocks.up_to(part.shard, origin) >= part.previous) {
      core_.hold(part.shard, origin, part.commit);
    } else {
      core_.count("push_gaps");
      core_.early.add(part.shard, origin, part.previous, part.commit);
    }
  }
  return all_taken && std::all_of(parts.begin(), parts.end(), [&](const auto& part) {
    return core_.clocks.up_to(part.shard, origin) >= part.commit;
  });
}

void Push::on_push(const Envelope& from, const PushBody& body) {
  // All of it is read before any of it is taken.
  const auto own = read(body.parts);
  std::vector<Cells> relayed;
  for (const auto& of_life : body.relayed) {
    auto cells = read(of_life.parts);
    if (!cells) return core_.count("dropped_bad_cells");
    relayed.push_back(*std::move(cells));
  }
  if (!own) return core_.count("dropped_bad_cells");

  // Before it counts as seen.  What was seen has been sent on, or came from somebody else, and then by a pull or by
  // another relay.
  if (body.spread) relay_.take(from.sender, {from.origin, from.start}, from.floor, unseen(from.origin, body.parts));
  const bool whole = take(from.origin, body.parts, *own);
  if (body.after && !core_.behind && core_.clocks.up_to(from.origin) >= body.after) {
    Timestamp newest;
    for (const auto& part : body.parts) newest = std::max(newest, part.commit);
    core_.clocks.promise(from.origin, newest);
  }
  for (std::size_t i = 0; i < relayed.size(); ++i) {
    const auto& of_life = body.relayed[i];
    if (!lives_.accept_relayed(of_life.node, {of_life.origin, of_life.start})) continue;
    if (of_life.floor < core_.horizon) {
      core_.count("dropped_fenced");
      continue;
    }
    core_.count("parts_relayed_to_us", of_life.parts.size());
    take(of_life.origin, of_life.parts, relayed[i]);
  }
  // SUBTLE: an ack vouches for all of the sender's commits up to this one, so that behind a gap there is none: the pull
  // that fills the gap tells the sender.
  if (body.nonce != 0 && whole) core_.send(from.sender, AckBody{body.nonce});
}

std::vector<Push::Covered> Push::take_acked(NodeId from, std::uint64_t nonce) {
  const auto at = outstanding_.find(nonce);
  if (at == outstanding_.end() || at->second.to != from) return {};
  const auto parts = std::move(at->second.parts);
  outstanding_.erase(at);
  return *parts;
}

}  // namespace kith
