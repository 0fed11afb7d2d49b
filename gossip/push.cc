#include "gossip/push.h"

#include <algorithm>

namespace kith {
namespace {

constexpr std::size_t kOutstandingMax = 4096;  // Pushes whose ack may still come; beyond that a pull tells as much.

}  // namespace

void Push::flush(bool ack) {
  PushBody body;
  std::size_t bytes = 0;
  const auto send_gathered = [&] {
    if (!body.parts.empty()) send(std::move(body), ack);
    body = PushBody{};
    bytes = 0;
  };
  for (auto& [shard, pending] : core_.pending_pushes) {
    Timestamp previous = pending.previous;
    bool open = false;  // The last part of `body` is of this shard.
    for (const auto& step : pending.steps) {
      constexpr std::size_t kPartBytes = 32;  // Shard, two timestamps, headers.
      if (bytes > 0 && bytes + step.cells.size() + kPartBytes > core_.options.push_bytes_max) {
        send_gathered();
        open = false;
      }
      if (!open) body.parts.push_back({shard, previous, step.commit, {}});
      open = true;
      body.parts.back().commit = previous = step.commit;
      body.parts.back().cells.append(step.cells);
      bytes += step.cells.size() + kPartBytes;
    }
  }
  send_gathered();
  core_.pending_pushes.clear();
}

void Push::send(PushBody body, bool ack) {
  for (const NodeId to : core_.others()) {
    body.nonce = 0;
    if (ack) {
      body.nonce = core_.random.nonzero();
      Outstanding& waiting = outstanding_[body.nonce];
      waiting.to = to;
      for (const auto& part : body.parts) waiting.parts.push_back({part.shard, part.commit});
      order_.push_back(body.nonce);
    }
    core_.send(to, body);
  }
  while (order_.size() > kOutstandingMax) {
    outstanding_.erase(order_.front());
    order_.erase(order_.begin());
  }
}

void Push::on_push(NodeId from, OriginId origin, const PushBody& body) {
  std::vector<std::vector<Cell>> parts;
  for (const auto& part : body.parts) {
    auto cells = core_.read_cells(part.shard, part.cells);
    if (!cells) return core_.count("dropped_bad_cells");
    parts.push_back(*std::move(cells));
  }
  bool gap = false;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto& part = body.parts[i];
    for (const Cell& cell : parts[i]) core_.merge(part.shard, cell.key, cell.content);
    core_.count("rows_pushed_to_us", parts[i].size());
    if (core_.clocks.up_to(part.shard, origin) >= part.previous) {
      core_.hold(part.shard, origin, part.commit);
    } else {
      core_.count("push_gaps");
      gap = true;
    }
  }
  // SUBTLE: an ack vouches for all of the sender's commits up to this one, so that behind a gap there is none: the pull
  // that fills the gap tells the sender.
  if (body.nonce != 0 && !gap) core_.send(from, AckBody{body.nonce});
}

std::vector<Push::Covered> Push::take_acked(NodeId from, std::uint64_t nonce) {
  const auto at = outstanding_.find(nonce);
  if (at == outstanding_.end() || at->second.to != from) return {};
  auto parts = std::move(at->second.parts);
  outstanding_.erase(at);
  std::erase(order_, nonce);
  return parts;
}

}  // namespace kith
