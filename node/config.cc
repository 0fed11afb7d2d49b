#include "node/config.h"

#include <arpa/inet.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <functional>
#include <sstream>

#include "node/address.h"
#include "node/config_flags.h"
#include "node/seeds.h"
#include "node/version.h"

namespace kith {

namespace {

// What is wrong with a value, or nothing: then it was taken over.
using Problem = std::optional<std::string>;

struct Setting {
  enum class Type { kText, kSwitch, kCount, kDuration, kSize, kList };

  std::string name;      // As a flag.
  Type type;
  std::string value_name;
  std::string help;
  std::function<Problem(Config&, const std::string&)> take;  // Of a list: adds one.
  std::function<std::string(const Config&)> show;            // As TOML; empty: not set.

  std::string key() const { return with_underscores(false); }
  std::string variable() const { return "KITH_" + with_underscores(true); }

 private:
  std::string with_underscores(bool upper) const {
    std::string out = name;
    for (char& c : out) c = c == '-' ? '_' : static_cast<char>(upper ? std::toupper(c) : c);
    return out;
  }
};

std::string quoted(const std::string& text) {
  std::ostringstream out;
  out << toml::value<std::string>(text);
  return out.str();
}

bool plain_name(const std::string& text) {
  return !text.empty() && text.size() <= kNodeNameBytesMax && std::all_of(text.begin(), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_';
  });
}

// ---- Makers of settings, by type

Setting text(std::string name, std::string value_name, std::string help, std::string Config::*field,
             std::function<Problem(const std::string&)> check) {
  return {name, Setting::Type::kText, value_name, help,
          [=](Config& config, const std::string& value) {
            if (auto problem = check(value)) return problem;
            config.*field = value;
            return Problem{};
          },
          [=](const Config& config) { return (config.*field).empty() ? "" : quoted(config.*field); }};
}

Setting on_off(std::string name, std::string help, bool Config::*field) {
  return {name, Setting::Type::kSwitch, "", help,
          [=](Config& config, const std::string& value) -> Problem {
            if (value != "true" && value != "false") return "\"" + value + "\" is neither true nor false";
            config.*field = value == "true";
            return std::nullopt;
          },
          [=](const Config& config) { return config.*field ? "true" : "false"; }};
}

Setting duration(std::string name, std::string help, std::int64_t Config::*field, std::int64_t least, std::int64_t most) {
  return {name, Setting::Type::kDuration, "TIME", help,
          [=](Config& config, const std::string& value) -> Problem {
            const auto ms = parse_duration_ms(value);
            if (!ms) return "\"" + value + "\" is no duration: a whole number and ms, s, m, h or d, as in 500ms";
            if (*ms < least || *ms > most) {
              return value + " is out of range: " + format_duration(least) + " to " + format_duration(most);
            }
            config.*field = *ms;
            return std::nullopt;
          },
          [=](const Config& config) { return quoted(format_duration(config.*field)); }};
}

// The same, or "0" for never.
Setting duration_or_zero(std::string name, std::string help, std::int64_t Config::*field, std::int64_t least, std::int64_t most) {
  Setting out = duration(std::move(name), std::move(help), field, least, most);
  out.take = [=, take = out.take](Config& config, const std::string& value) -> Problem {
    if (parse_duration_ms(value) != 0 && value != "0") {  // 0ms and 0s are what it is shown as.
      auto problem = take(config, value);
      if (problem) *problem += "; or 0";
      return problem;
    }
    config.*field = 0;
    return std::nullopt;
  };
  return out;
}

Problem take_count(const std::string& value, std::uint32_t least, std::uint32_t most, std::uint32_t& out) {
  std::uint64_t number = 0;
  const char* const end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, number);
  if (value.empty() || error != std::errc{} || stop != end) return "\"" + value + "\" is no whole number";
  if (number < least || number > most) {
    return value + " is out of range: " + std::to_string(least) + " to " + std::to_string(most);
  }
  out = static_cast<std::uint32_t>(number);
  return std::nullopt;
}

Problem check_address(const std::string& value) {
  std::string problem;
  return parse_address(value, &problem) ? Problem{} : problem;
}

Problem check_name(const std::string& value) {
  if (plain_name(value)) return std::nullopt;
  return "\"" + value + "\" is no name: 1 to " + std::to_string(kNodeNameBytesMax) + " of A-Z a-z 0-9 . - _";
}

std::vector<Setting> make_settings() {
  const auto not_empty = [](const std::string& value) {
    return value.empty() ? Problem("it must not be empty") : Problem{};
  };
  const auto level = [](const std::string& value) -> Problem {
    static const std::vector<std::string> kLevels = {"debug", "info", "warning", "error"};
    if (std::find(kLevels.begin(), kLevels.end(), value) != kLevels.end()) return std::nullopt;
    return "\"" + value + "\" is no level: debug, info, warning or error";
  };
  std::vector<Setting> out;
  out.push_back(text("data", "DIR", "Directory of this node's data; made when missing. Required.", &Config::data, not_empty));
  out.push_back(text("name", "NAME", "Name of this node, unique in its cluster. Required.", &Config::name, check_name));
  out.push_back(text("client", "HOST:PORT", "Where clients connect; port 0 lets the system choose.", &Config::client,
                     check_address));
  out.push_back(text("peer", "HOST:PORT", "Where other nodes connect.", &Config::peer, check_address));
  out.push_back(text("http", "HOST:PORT", "Where browsers and Prometheus connect: the page, /metrics, /api/v1; off unless given.", &Config::http,
                     check_address));
  out.push_back(text("redis", "HOST:PORT", "Where clients of Redis connect (docs/REDIS.md); port 0 lets the system choose. Without it there is no such port.",
                     &Config::redis, check_address));
  out.push_back(text("redis-table", "NAME", "Table in which the keys of the Redis port live.", &Config::redis_table, [](const std::string& value) {
    if (value.starts_with("redis.")) return Problem("\"" + value + "\" is no table for keys: those that begin with redis. hold what the port keeps for itself");
    return valid_table_name(value) ? Problem{} : Problem("\"" + value + "\" is no name of a table: 1 to " + std::to_string(kTableNameBytesMax) +
                                                         " of A-Z a-z 0-9 . - _, not beginning with _");
  }));
  out.push_back(text("redis-password-file", "FILE", "Its first line is the password that clients of Redis have to say (AUTH).",
                     &Config::redis_password_file, not_empty));
  out.push_back({"redis-clients", Setting::Type::kCount, "N", "Clients of Redis that may be connected at the same time.",
                 [](Config& config, const std::string& value) { return take_count(value, 1, 60'000, config.redis_clients); },
                 [](const Config& config) { return std::to_string(config.redis_clients); }});
  out.push_back({"redis-threads", Setting::Type::kCount, "N", "Threads that serve clients of Redis.",
                 [](Config& config, const std::string& value) { return take_count(value, 1, 64, config.redis_threads); },
                 [](const Config& config) { return std::to_string(config.redis_threads); }});
  out.push_back({"join", Setting::Type::kList, "HOST:PORT",
                 "Peer address of any member; may be repeated. A name may have many addresses; srv:NAME asks DNS for services, as in "
                 "srv:_kith._tcp.example.org. Without one a new directory founds a cluster.",
                 [](Config& config, const std::string& value) -> Problem {
                   if (auto problem = check_join_entry(value)) return problem;
                   config.join.push_back(value);
                   return std::nullopt;
                 },
                 [](const Config& config) {
                   std::string list;
                   for (const auto& address : config.join) list += (list.empty() ? "" : ", ") + quoted(address);
                   return "[" + list + "]";
                 }});
  out.push_back(text("dns", "HOST:PORT", "Name server that is asked for the names of --join; the machine's, unless given.", &Config::dns,
                     [](const std::string& value) -> Problem {
                       std::string problem;
                       const auto address = parse_address(value, &problem);
                       if (!address) return problem;
                       if (address->port == 0) return "\"" + value + "\" has port 0, to which nobody can connect";
                       in6_addr number{};
                       const bool numeric = inet_pton(AF_INET, address->host.c_str(), &number) == 1 || inet_pton(AF_INET6, address->host.c_str(), &number) == 1;
                       return numeric ? Problem{} : Problem("\"" + value + "\" is a name: a name server is given as a number, as in 127.0.0.1:8600");
                     }));
  out.push_back({"cluster", Setting::Type::kText, "NAME", "Name of the cluster: given to a new one, checked with an old one.",
                 [](Config& config, const std::string& value) {
                   auto problem = check_name(value);
                   if (!problem) config.cluster = value;
                   return problem;
                 },
                 [](const Config& config) { return config.cluster ? quoted(*config.cluster) : ""; }});
  out.push_back({"shards", Setting::Type::kCount, "N", "Shards of a new cluster; fixed for ever. Others learn it.",
                 [](Config& config, const std::string& value) {
                   std::uint32_t count = 0;
                   auto problem = take_count(value, 1, kShardsMax, count);
                   if (!problem) config.shards = count;
                   return problem;
                 },
                 [](const Config& config) { return config.shards ? std::to_string(*config.shards) : ""; }});
  out.push_back({"replicas", Setting::Type::kCount, "N",
                 "How many members of a new cluster keep a piece of data; fixed for ever. Others learn it. Without it " +
                     std::to_string(kReplicasDefault) + ", or all when they are fewer.",
                 [](Config& config, const std::string& value) {
                   std::uint32_t count = 0;
                   auto problem = take_count(value, 1, static_cast<std::uint32_t>(kMembersMax), count);
                   if (!problem) config.replicas = count;
                   return problem;
                 },
                 [](const Config& config) { return config.replicas ? std::to_string(*config.replicas) : ""; }});
  out.push_back({"map-size", Setting::Type::kSize, "BYTES", "Most that the data may take on disk; may be raised later.",
                 [](Config& config, const std::string& value) -> Problem {
                   constexpr std::uint64_t kLeast = std::uint64_t{1} << 20;
                   constexpr std::uint64_t kMost = std::uint64_t{64} << 40;
                   const auto bytes = parse_bytes(value);
                   if (!bytes) return "\"" + value + "\" is no size: a whole number and KiB, MiB, GiB or TiB, as in 64GiB";
                   if (*bytes < kLeast || *bytes > kMost) {
                     return value + " is out of range: " + format_bytes(kLeast) + " to " + format_bytes(kMost);
                   }
                   config.map_bytes = *bytes;
                   return std::nullopt;
                 },
                 [](const Config& config) { return quoted(format_bytes(config.map_bytes)); }});
  out.push_back(text("advertise-client", "HOST:PORT", "Client address that others are told, if it differs; port 0: the real one.",
                     &Config::advertise_client, check_address));
  out.push_back(text("advertise-peer", "HOST:PORT", "Peer address that others are told, if it differs; port 0: the real one.",
                     &Config::advertise_peer, check_address));
  constexpr std::int64_t kHourMs = 3'600'000;
  out.push_back(duration("gossip-interval", "How often a round begins.", &Config::gossip_interval_ms, 10, kHourMs));
  out.push_back(duration("max-skew", "How far clocks of nodes may be apart.", &Config::max_skew_ms, 10, kHourMs));
  Setting window = duration("retry-window", "How long a write may be retried with its tag: of a new cluster; fixed for ever. Others learn it.",
                            &Config::retry_window_ms, 1000, kRetryWindowMsMax);
  window.take = [take = window.take](Config& config, const std::string& value) {
    auto problem = take(config, value);
    if (!problem) config.retry_window_given = true;
    return problem;
  };
  out.push_back(std::move(window));
  out.push_back(on_off("collect", "Drop what was removed, and fold counters, a retry window later; the same on all nodes. On, unless --collect=false.",
                       &Config::collect));
  out.push_back(duration_or_zero("evict-after", "How long a member may be silent before the others agree to go on without it; 0: only when asked to.",
                                 &Config::evict_after_ms, 10'000, 365 * 24 * kHourMs));
  out.push_back(duration_or_zero("probe-every", "How often this node pings another to see who is there; 0: it only answers.",
                                 &Config::probe_every_ms, 100, 60'000));
  out.push_back(duration("dead-after", "How long a member that does not answer is suspected before it is taken for dead, and asked less.",
                         &Config::dead_after_ms, 400, kHourMs));
  out.push_back(duration_or_zero("leave", "When told to stop (SIGTERM), take no more requests and stay until every member that is there holds all that this node has, "
                                 "so long at most; 0: stop at once.",
                                 &Config::leave_ms, 1000, kHourMs));
  out.push_back({"readers", Setting::Type::kCount, "N", "Threads that answer reads.",
                 [](Config& config, const std::string& value) { return take_count(value, 1, 64, config.readers); },
                 [](const Config& config) { return std::to_string(config.readers); }});
  out.push_back(duration_or_zero("scrub-interval",
                                 "How long one reading of all rows takes, in search of damaged ones; 0: they are read only when asked for.",
                                 &Config::scrub_interval_ms, 0, 365 * 24 * kHourMs));
  out.push_back({"check-pages", Setting::Type::kSize, "BYTES",
                 "A data file of up to this size is looked at page by page before the node starts; 0: none is.",
                 [](Config& config, const std::string& value) -> Problem {
                   const auto bytes = parse_bytes(value);
                   if (!bytes) return "\"" + value + "\" is no size: a whole number and KiB, MiB, GiB or TiB, as in 1GiB; or 0";
                   config.check_pages_bytes = *bytes;
                   return std::nullopt;
                 },
                 [](const Config& config) { return quoted(format_bytes(config.check_pages_bytes)); }});
  out.push_back(text("restore", "DIR", "Begin with the backup in DIR, as a new node of its cluster; --data must be new or empty.",
                     &Config::restore, not_empty));
  out.push_back(text("log-level", "LEVEL", "debug, info, warning or error.", &Config::log_level, level));
  out.push_back(on_off("log-json", "Log one JSON object a line.", &Config::log_json));
  out.push_back(on_off("allow-faults", "Let clients cut and slow this node's links: for tests only.", &Config::allow_faults));
  return out;
}

const std::vector<Setting>& settings() {
  static const std::vector<Setting> kSettings = make_settings();
  return kSettings;
}

std::string help_text() {
  std::ostringstream out;
  out << "kithd " << kVersion << " -- one node of a Kith cluster\n\n"
      << "    kithd --data DIR --name NAME [flags]                      the first node of a cluster\n"
      << "    kithd --data DIR --name NAME --join HOST:PORT [flags]     every other one\n"
      << "    kithd --restore BACKUP --data DIR --name NAME [--join HOST:PORT] [flags]\n"
      << "                                                              a new node that begins with a backup\n\n"
      << "Each flag is also a variable (--max-skew: KITH_MAX_SKEW; lists with commas) and a key of a TOML file\n"
      << "(max_skew). Flags count over variables, variables over the file, the file over defaults.\n\n";
  const Config defaults;
  for (const Setting& setting : settings()) {
    std::string left = "  --" + setting.name + (setting.value_name.empty() ? "" : " " + setting.value_name);
    left.resize(std::max<std::size_t>(left.size() + 1, 32), ' ');
    out << left << setting.help;
    const std::string shown = setting.show(defaults);
    if (!shown.empty() && setting.type != Setting::Type::kSwitch && shown != "[]") out << " Default: " << shown << ".";
    out << "\n";
  }
  out << "  --config FILE                 The TOML file; docs/kithd.toml is one with all keys explained.\n"
      << "  --check-config                Print what would be in force, and who said so, and exit.\n"
      << "  --help, --version\n\n"
      << "Exit codes: 0 stopped as asked, 1 failed, 2 usage or configuration, or one that the cluster refuses.\n";
  return out.str();
}

// ---- The three sources

struct Loading {
  Config config;
  std::map<std::string, std::string> said_by;  // Setting -> who; absent: default.
  Problem problem;                             // The first one.

  void take(const Setting& setting, const std::vector<std::string>& values, const std::string& who) {
    if (problem) return;
    // A list of a stronger source stands instead of the weaker one's.
    if (setting.type == Setting::Type::kList) config.join.clear();
    for (const std::string& value : values) {
      if (auto wrong = setting.take(config, value)) {
        problem = who + ": " + setting.name + ": " + *wrong;
        return;
      }
    }
    said_by[setting.name] = who;
  }
};

// The text that a flag would have given, or what type is wanted instead.
std::variant<std::vector<std::string>, std::string> texts_of(const Setting& setting, const toml::node& node) {
  using Texts = std::vector<std::string>;
  switch (setting.type) {
    case Setting::Type::kSwitch:
      if (const auto value = node.value_exact<bool>()) return Texts{*value ? "true" : "false"};
      return "must be true or false";
    case Setting::Type::kCount:
      if (const auto value = node.value_exact<std::int64_t>()) return Texts{std::to_string(*value)};
      return "must be a whole number";
    case Setting::Type::kSize:
      if (const auto value = node.value_exact<std::int64_t>()) return Texts{std::to_string(*value)};
      if (const auto value = node.value_exact<std::string>()) return Texts{*value};
      return "must be a string such as \"64GiB\", or a number of bytes";
    case Setting::Type::kDuration:
      if (const auto value = node.value_exact<std::string>()) return Texts{*value};
      return "must be a string such as \"500ms\" or \"10m\"";
    case Setting::Type::kList: {
      const auto* array = node.as_array();
      Texts out;
      if (array == nullptr) return "must be an array of strings";
      for (const auto& item : *array) {
        const auto value = item.value_exact<std::string>();
        if (!value) return "must be an array of strings";
        out.push_back(*value);
      }
      return out;
    }
    case Setting::Type::kText:
      if (const auto value = node.value_exact<std::string>()) return Texts{*value};
      return "must be a string";
  }
  return "is of an unknown type";
}

void take_file(const std::string& path, Loading& loading) {
  toml::table table;
  try {
    table = toml::parse_file(path);
  } catch (const toml::parse_error& error) {
    const auto line = error.source().begin.line;
    loading.problem = path + (line > 0 ? ":" + std::to_string(line) : "") + ": " + std::string(error.description());
    return;
  }
  for (auto&& [key, node] : table) {
    const std::string where = path + ":" + std::to_string(key.source().begin.line);
    const auto found = std::find_if(settings().begin(), settings().end(),
                                    [&](const Setting& setting) { return setting.key() == key.str(); });
    if (found == settings().end()) {
      std::vector<std::string> known;
      for (const Setting& setting : settings()) known.push_back(setting.key());
      const auto meant = nearest(key.str(), known);
      loading.problem = where + ": there is no setting \"" + std::string(key.str()) + "\"" +
                        (meant ? "; did you mean \"" + *meant + "\"?" : "");
      return;
    }
    const auto texts = texts_of(*found, node);
    if (const auto* wanted = std::get_if<std::string>(&texts)) {
      loading.problem = where + ": " + found->key() + " " + *wanted;
      return;
    }
    loading.take(*found, std::get<0>(texts), where);
    if (loading.problem) return;
  }
}

std::vector<std::string> split_list(const std::string& value) {
  std::vector<std::string> out;
  std::istringstream in(value);
  for (std::string part; std::getline(in, part, ',');) {
    if (!part.empty()) out.push_back(part);
  }
  return out;
}

// What no single setting can see.
Problem check_whole(const Config& config) {
  if (config.data.empty()) return "--data DIR is missing: where shall this node keep its data?";
  if (config.name.empty()) return "--name NAME is missing: what shall this node be called?";
  const auto client = parse_address(config.client);
  const auto peer = parse_address(config.peer);
  if (client == peer && client->port != 0) {
    return "client and peer are both " + config.client + ": they need two ports";
  }
  for (const std::string& other : {config.client, config.peer}) {
    if (config.http.empty() || parse_address(config.http)->port == 0 || parse_address(config.http) != parse_address(other)) continue;
    return "http is " + config.http + ", which is a port for clients or peers already: it needs one of its own";
  }
  constexpr std::int64_t kProbesLeast = 4;  // Two that fail, and as many for whoever is suspected to be heard.
  if (config.dead_after_ms < kProbesLeast * config.probe_every_ms) {
    return "dead-after is " + format_duration(config.dead_after_ms) + ", and probe-every " + format_duration(config.probe_every_ms) +
           ": a member would be taken for dead before it could answer; dead-after has to be at least " +
           format_duration(kProbesLeast * config.probe_every_ms);
  }
  const auto unreachable = [](const Address& bound, const std::string& advertised, const std::string& which) -> Problem {
    const auto told = advertised.empty() ? bound : *parse_address(advertised);
    if (!told.any_host()) return std::nullopt;
    return "nobody can connect to " + to_string(told) + ": say with --advertise-" + which + " HOST:PORT how others reach it";
  };
  if (auto problem = unreachable(*client, config.advertise_client, "client")) return problem;
  return unreachable(*peer, config.advertise_peer, "peer");
}

std::string effective(const Loading& loading) {
  std::ostringstream out;
  for (const Setting& setting : settings()) {
    const std::string shown = setting.show(loading.config);
    const auto who = loading.said_by.find(setting.name);
    std::string line = shown.empty() ? "# " + setting.key() + " is not set" : setting.key() + " = " + shown;
    line.resize(std::max<std::size_t>(line.size() + 1, 40), ' ');
    out << line << "# " << (who == loading.said_by.end() ? "default" : who->second) << "\n";
  }
  return out.str();
}

}  // namespace

std::variant<Config, ConfigExit> load_config(const std::vector<std::string>& arguments, const Environment& environment) {
  std::vector<FlagSpec> specs;
  for (const Setting& setting : settings()) {
    specs.push_back({setting.name, setting.type == Setting::Type::kSwitch ? FlagSpec::Takes::kNothing
                                   : setting.type == Setting::Type::kList ? FlagSpec::Takes::kValues
                                                                          : FlagSpec::Takes::kValue});
  }
  specs.push_back({"config", FlagSpec::Takes::kValue});
  for (const char* name : {"check-config", "help", "version"}) specs.push_back({name, FlagSpec::Takes::kNothing});

  auto parsed = parse_flags(specs, arguments);
  if (auto* exit = std::get_if<ConfigExit>(&parsed)) return *exit;
  const Flags& flags = std::get<Flags>(parsed);
  if (flags.contains("help")) return ConfigExit{0, help_text()};
  if (flags.contains("version")) return ConfigExit{0, "kithd " + std::string(kVersion) + "\n"};

  Loading loading;
  const auto file_variable = environment.find("KITH_CONFIG");
  if (flags.contains("config")) {
    take_file(flags.at("config").back(), loading);
  } else if (file_variable != environment.end() && !file_variable->second.empty()) {
    take_file(file_variable->second, loading);
  }
  for (const Setting& setting : settings()) {
    const auto found = environment.find(setting.variable());
    if (found == environment.end()) continue;
    loading.take(setting,
                 setting.type == Setting::Type::kList ? split_list(found->second) : std::vector{found->second},
                 "environment " + setting.variable());
  }
  for (const Setting& setting : settings()) {
    const auto found = flags.find(setting.name);
    if (found != flags.end()) loading.take(setting, found->second, "flag --" + setting.name);
  }
  if (!loading.problem) loading.problem = check_whole(loading.config);
  if (loading.problem) return ConfigExit{2, "kithd: " + *loading.problem + "\n"};
  if (flags.contains("check-config")) return ConfigExit{0, effective(loading)};
  return loading.config;
}

}  // namespace kith
