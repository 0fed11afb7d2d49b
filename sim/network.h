// sim/network.h -- the links between machines: who reaches whom, how late, how often and how whole.
//
// Decides the fate of each message and keeps it while it is under way.  One link is one direction between two machines.
// A message is lost when its link is cut at the moment it is sent or at the moment it would arrive.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/draw.h"
#include "sim/event_queue.h"
#include "sim/scenario.h"

namespace kith::sim {

class Network {
 public:
  Network(std::uint64_t seed, std::uint32_t machines, const LinkQuality& quality);

  void set_quality(std::uint32_t a, std::uint32_t b, const LinkQuality& quality);  // Both ways.
  void apply(const Weather& weather);
  void clear_weather();            // As the scenario had it, without loss, repetition and flips.

  void cut(std::uint32_t from, std::uint32_t to, bool cut) { link(from, to).cut = cut; }
  bool is_cut(std::uint32_t from, std::uint32_t to) const { return links_[index(from, to)].cut; }
  void clog(std::uint32_t from, std::uint32_t to) { link(from, to).clogged = true; }
  void heal();                     // No cuts.
  void unclog(std::int64_t now_us, EventQueue& queue);  // What waited arrives from now on.

  // Sends.  The copies that will arrive are put into the queue as kDeliver, `what` being a slot.
  // SUBTLE: what becomes of probes is drawn apart, and they take no room in a queue: so that a history of data is the same whether or
  // not members are probed.  A damaged one is lost: what a node makes of damage is tried with data.
  void send(std::int64_t now_us, std::uint32_t from, std::uint32_t to, const std::string& bytes, bool probe, EventQueue& queue);

  struct Message {
    std::uint32_t from = 0, to = 0;
    std::string bytes;
    bool probe = false;
  };
  // Takes what is in a slot; nothing when it does not arrive after all.
  std::optional<Message> arrive(std::uint64_t slot);

  std::uint64_t under_way() const { return under_way_; }

  struct Figures {
    std::uint64_t sent = 0, bytes = 0, lost = 0, repeated = 0, flipped = 0, cut = 0, overflowed = 0, held_up = 0;
  };
  const Figures& figures() const { return figures_; }

 private:
  struct Link {
    std::uint32_t sent = 0, probes_sent = 0;
    std::uint32_t under_way = 0;   // But for probes.
    std::uint8_t quality = 0;      // Index into qualities_.
    bool cut = false, clogged = false;
  };

  std::size_t index(std::uint32_t from, std::uint32_t to) const { return std::size_t{from} * machines_ + to; }
  Link& link(std::uint32_t from, std::uint32_t to) { return links_[index(from, to)]; }
  void put(std::int64_t at_us, Message message, EventQueue& queue);
  std::int64_t delay_us(const LinkQuality& quality, Draw& draw) const {
    return quality.delay_us + draw.exponential(quality.jitter_us);
  }

  std::uint64_t seed_;
  std::uint32_t machines_;
  std::vector<Link> links_;
  std::vector<LinkQuality> qualities_, fair_weather_;
  std::vector<Message> messages_;          // Slots.
  std::vector<std::uint64_t> free_;
  std::vector<std::uint64_t> clogged_;     // Slots that wait.
  std::uint64_t under_way_ = 0;
  Figures figures_;
};

}  // namespace kith::sim
