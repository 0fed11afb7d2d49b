// node/redis/port_facts.h -- what the Redis port tells of itself: INFO, CONFIG GET, CLIENT LIST.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace kith::redis {

struct PortFacts {
  // Since before the first connection.
  std::string run_id;          // 40 hex digits, drawn at the start.
  std::string address;
  std::int64_t started_ms = 0; // Wall.
  std::size_t clients_max = 0;
  std::size_t threads = 0;

  std::atomic<std::uint64_t> connections{0};           // Ever.
  std::atomic<std::uint64_t> connected{0};             // Now.
  std::atomic<std::uint64_t> refused_connections{0};   // Over the limit.
  std::atomic<std::uint64_t> cut_off{0};               // For what they held.
  std::atomic<std::uint64_t> subscribers{0};           // Connected clients that have subscribed to something.
  std::atomic<std::uint64_t> commands{0};
  std::atomic<std::uint64_t> error_replies{0};
  std::atomic<std::uint64_t> malformed{0};             // Connections that were closed for what they sent.
  std::atomic<std::uint64_t> bytes_in{0};
  std::atomic<std::uint64_t> bytes_out{0};
  std::atomic<std::uint64_t> bytes_held{0};            // Half commands, and answers that are not fetched yet.
  std::atomic<std::uint64_t> strangers_bytes_held{0};  // The part of those who have not said the password.
};

// What Redis's clients take this for: the version whose commands are spoken.
inline constexpr const char* kRedisVersion = "7.0.0";

}  // namespace kith::redis
