// sim/recording.h -- what a run leaves behind for people: when each write was where, what was sent, what happened.
//
// Filled by the world when it is asked to (World::record); read by sim/report.  Times in microseconds of virtual time.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace kith::sim {

struct Recording {
  struct Write {
    std::int64_t at_us = 0;                    // Durable at its coordinator.
    std::uint32_t node = 0;                    // The coordinator: index into `nodes`.
    std::vector<std::int64_t> reached_us;      // Per node, durable there; -1: never.
  };
  // A stretch of time during which something was not as it should be.
  struct Span {
    enum class Kind : std::uint8_t { kCut, kDown, kPaused, kClock, kDisk, kWeather } kind = Kind::kCut;
    std::int64_t begin_us = 0, end_us = 0;
    std::vector<std::uint32_t> nodes;          // Whom it concerns.
    std::string text;                          // "west cut from east", "n3 down".
  };
  struct Happening {                           // Every event of the timeline but the clients', and what followed from it.
    std::int64_t at_us = 0;
    std::string text;
  };
  struct Sample {                              // Taken every `sample_interval_us`.
    std::int64_t at_us = 0;
    std::vector<std::uint64_t> bytes_sent;     // Per node, since the sample before.
    std::vector<std::uint64_t> messages_sent;
    std::vector<std::uint64_t> store_bytes;    // Per node.
    std::vector<std::uint8_t> up;              // Per node.
    std::uint32_t distinct_contents = 1;       // Among the nodes that are up: 1 means equal.
    std::array<std::uint16_t, 256> distinct_by_bucket{};  // The same per fingerprint bucket.
  };
  // Of a run with collection, taken every `garbage_interval_us`.
  struct Garbage {
    std::int64_t at_us = 0;
    std::vector<std::uint64_t> records;        // Per node: rows of data with something to collect.
    std::vector<std::uint64_t> rows;           // Per node: all.
    // Removals, deletions and increments that nodes took in during the last `garbage_kept_us`, each once: what of them
    // may not be collected yet.
    std::uint64_t made_lately = 0;
    std::uint64_t made = 0;                    // Since the beginning.
  };
  struct Traffic {                             // Over all nodes.
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
  };

  std::string scenario, about;
  std::uint64_t seed = 0;
  std::int64_t end_us = 0;                     // Of the timeline.
  std::int64_t healed_us = -1;                 // When everything was healed; -1: it was not.
  std::int64_t converged_us = -1;              // When all were equal after that; -1: not, or not asked for.
  std::vector<std::string> nodes;
  std::vector<Write> writes;                   // Acknowledged ones.
  std::vector<Span> spans;
  std::vector<Happening> happenings;
  std::int64_t sample_interval_us = 250'000;
  std::vector<Sample> samples;
  std::int64_t garbage_interval_us = 0;        // 0: nothing is collected in this run.
  std::int64_t garbage_kept_us = 0;            // One retry window and one gossip interval.
  std::vector<Garbage> garbage;
  std::map<std::string, Traffic> traffic;      // By kind of message: push, summary, rows, ...
  std::vector<Traffic> sent_by_node;
  std::map<std::string, std::uint64_t> outcomes;   // Of client writes: ok, stored, unanswered, refused: REASON.
  std::vector<std::string> failures;           // The verdict; empty: all held.
  std::uint64_t trace_hash = 0;
};

}  // namespace kith::sim
