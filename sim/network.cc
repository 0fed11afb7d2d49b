#include "sim/network.h"

#include <utility>

namespace kith::sim {

Network::Network(std::uint64_t seed, std::uint32_t machines, const LinkQuality& quality)
    : seed_(seed), machines_(machines), links_(std::size_t{machines} * machines), qualities_{quality}, fair_weather_{quality} {}

void Network::set_quality(std::uint32_t a, std::uint32_t b, const LinkQuality& quality) {
  std::size_t at = 0;
  while (at < fair_weather_.size() && fair_weather_[at] != quality) ++at;
  if (at == fair_weather_.size()) {
    fair_weather_.push_back(quality);
    qualities_.push_back(quality);
  }
  link(a, b).quality = link(b, a).quality = static_cast<std::uint8_t>(at);
}

void Network::apply(const Weather& weather) {
  for (LinkQuality& quality : qualities_) {
    quality.delay_us = weather.delay_us.value_or(quality.delay_us);
    quality.jitter_us = weather.jitter_us.value_or(quality.jitter_us);
    quality.loss = weather.loss.value_or(quality.loss);
    quality.repeat = weather.repeat.value_or(quality.repeat);
    quality.flip = weather.flip.value_or(quality.flip);
  }
}

void Network::clear_weather() {
  qualities_ = fair_weather_;
  for (LinkQuality& quality : qualities_) quality.loss = quality.repeat = quality.flip = 0;
}

void Network::heal() {
  for (Link& it : links_) it.cut = false;
}

void Network::unclog(std::int64_t now_us, EventQueue& queue) {
  for (Link& it : links_) it.clogged = false;
  for (const std::uint64_t slot : std::exchange(clogged_, {})) {
    queue.put(now_us + 1, Due::Kind::kDeliver, messages_[slot].to, slot);
  }
}

void Network::send(std::int64_t now_us, std::uint32_t from, std::uint32_t to, const std::string& bytes, bool probe, EventQueue& queue) {
  ++figures_.sent;
  figures_.bytes += bytes.size();
  Link& it = link(from, to);
  const LinkQuality& quality = qualities_[it.quality];
  Draw draw(probe ? scatter(seed_, 0x9406, from, to, it.probes_sent++) : scatter(seed_, 0x11e7, from, to, it.sent++));
  if (it.cut) {
    ++figures_.cut;
    return;
  }
  if (!probe && it.under_way >= quality.queue_max) {
    ++figures_.overflowed;
    return;
  }
  const bool lost = draw.chance(quality.loss), repeated = draw.chance(quality.repeat);
  if (lost) ++figures_.lost;
  for (int copy = lost ? 1 : 0; copy < (repeated ? 2 : 1); ++copy) {
    std::string arriving = bytes;
    if (draw.chance(quality.flip) && !arriving.empty()) {
      ++figures_.flipped;
      const std::uint64_t bit = draw.below(arriving.size() * 8);
      arriving[bit / 8] = static_cast<char>(arriving[bit / 8] ^ (1 << (bit % 8)));
      if (probe) continue;
    }
    std::int64_t at_us = now_us + delay_us(quality, draw);
    if (copy == 1) {
      ++figures_.repeated;
      at_us += draw.exponential(5 * (quality.delay_us + quality.jitter_us));
    }
    put(at_us, {from, to, std::move(arriving), probe}, queue);
  }
}

void Network::put(std::int64_t at_us, Message message, EventQueue& queue) {
  std::uint64_t slot = messages_.size();
  if (free_.empty()) {
    messages_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  const std::uint32_t to = message.to;
  Link& it = link(message.from, to);
  if (!message.probe) ++it.under_way;
  messages_[slot] = std::move(message);
  ++under_way_;
  if (it.clogged) {
    ++figures_.held_up;
    clogged_.push_back(slot);
  } else {
    queue.put(at_us, Due::Kind::kDeliver, to, slot);
  }
}

std::optional<Network::Message> Network::arrive(std::uint64_t slot) {
  Message message = std::exchange(messages_[slot], {});
  free_.push_back(slot);
  Link& it = link(message.from, message.to);
  if (!message.probe) --it.under_way;
  --under_way_;
  if (it.cut) {
    ++figures_.cut;
    return std::nullopt;
  }
  return message;
}

}  // namespace kith::sim
