// node/config.h -- what kithd is told, and by whom.
//
//     defaults  <  TOML file  <  KITH_* environment  <  flags
//
// One table of settings (node/config.cc) drives all three: `gossip-interval` is the flag --gossip-interval, the variable
// KITH_GOSSIP_INTERVAL and the key gossip_interval of the file.  Tests: tests/node/config_test.cc
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "crdt/cell_key.h"
#include "crdt/limits.h"
#include "gossip/role.h"

namespace kith {

struct Config {
  std::string data;
  std::string name;
  std::string client = "127.0.0.1:8765";
  std::string peer = "127.0.0.1:8766";
  std::string http;              // Empty: off.
  std::string redis;  // Where clients of Redis connect; empty: nowhere.
  std::string redis_table{kDefaultTable};
  std::string redis_password_file;  // Empty: no password is asked for.
  std::uint32_t redis_clients = 10'000;
  std::uint32_t redis_threads = 2;
  std::string advertise_client;  // Empty: what was bound.
  std::string advertise_peer;
  std::optional<Role> role;      // None: what the directory says, and a replica in a new one.
  std::vector<std::string> join;
  std::string dns;               // Name servers for it; empty: the machine's.
  std::optional<std::string> cluster;
  std::optional<std::uint32_t> shards;
  std::optional<std::uint32_t> replicas;
  std::uint64_t map_bytes = std::uint64_t{64} << 30;
  std::string log_level = "info";
  bool log_json = false;
  bool allow_faults = false;
  std::int64_t gossip_interval_ms = 1000;
  std::int64_t max_skew_ms = 500;
  std::int64_t retry_window_ms = 10 * 60 * 1000;
  bool retry_window_given = false;  // Else what the cluster has, or this for a new one.
  bool collect = true;
  std::int64_t evict_after_ms = 24 * 60 * 60 * 1000;  // 0: never of its own accord.
  std::int64_t probe_every_ms = 1000;  // 0: it only answers.
  std::int64_t dead_after_ms = 10'000;
  std::int64_t leave_ms = 0;  // 0: goes at once when it is told to.
  bool leave_for_good = false;
  std::uint32_t readers = 2;
  std::int64_t scrub_interval_ms = 24 * 60 * 60 * 1000;  // 0: off.
  std::uint64_t check_pages_bytes = std::uint64_t{1} << 30;  // 0: never.
  std::string restore;  // A backup to begin with; empty: none.
};

// There is nothing to run: print `text` (to stderr when the code is not zero) and exit with `code`.
struct ConfigExit {
  int code = 0;  // 0: --help, --version, --check-config; 2: usage or configuration.
  std::string text;
};

using Environment = std::map<std::string, std::string>;

// `arguments` without the program's name.  Reads the file that --config or KITH_CONFIG names, and nothing else.
std::variant<Config, ConfigExit> load_config(const std::vector<std::string>& arguments, const Environment& environment);

// "500ms", "5s", "10m", "2h", "1d"; "64GiB", "512MiB", "4096": binary units only.  Nothing when malformed or too large.
std::optional<std::int64_t> parse_duration_ms(std::string_view text);
std::optional<std::uint64_t> parse_bytes(std::string_view text);
std::string format_duration(std::int64_t ms);
std::string format_bytes(std::uint64_t bytes);

// The one of `known` that somebody who wrote `word` probably meant, or nothing.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace kith
