// Goal: kithd is configured as told, by the strongest who told, and every mistake is named with its place.
#include "node/config.h"

#include <doctest/doctest.h>

#include <regex>

#include "node/address.h"
#include "tests/node/temporary_directory.h"

namespace kith {
namespace {

using Arguments = std::vector<std::string>;

const Arguments kLeast = {"--data", "d", "--name", "n1"};

Arguments least_and(const Arguments& more) {
  Arguments out = kLeast;
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

Config loaded(const Arguments& arguments, const Environment& environment = {}) {
  auto out = load_config(arguments, environment);
  if (const auto* exit = std::get_if<ConfigExit>(&out)) FAIL(exit->text);
  return std::get<Config>(out);
}

ConfigExit refused(const Arguments& arguments, const Environment& environment = {}) {
  auto out = load_config(arguments, environment);
  REQUIRE(std::holds_alternative<ConfigExit>(out));
  return std::get<ConfigExit>(out);
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_CASE("config: defaults < file < environment < flags, for each pair of neighbours") {
  const TemporaryDirectory dir;
  const std::string file = dir.write("k.toml", "max_skew = \"1s\"\nretry_window = \"1m\"\nreaders = 3\njoin = [\"a:1\"]\n");
  const Environment environment = {{"KITH_RETRY_WINDOW", "2m"}, {"KITH_READERS", "4"}, {"KITH_JOIN", "b:1,c:2"}};
  const Config config = loaded(least_and({"--config", file, "--readers", "5"}), environment);
  CHECK(config.gossip_interval_ms == 1000);
  CHECK(config.max_skew_ms == 1000);
  CHECK(config.retry_window_ms == 120'000);
  CHECK(config.readers == 5);
  CHECK(config.join == std::vector<std::string>{"b:1", "c:2"});
  CHECK(loaded(least_and({"--join", "d:3", "--join=e:4"}), environment).join == std::vector<std::string>{"d:3", "e:4"});
  CHECK(loaded(kLeast, {{"KITH_CONFIG", file}}).readers == 3);
  CHECK(loaded(least_and({"--readers", "6", "--readers", "7"})).readers == 7);
}

TEST_CASE("config: all settings are taken from a file") {
  const TemporaryDirectory dir;
  const std::string file = dir.write("k.toml", R"(
data = "x"
name = "n2"
client = "127.0.0.1:0"
peer = "[::1]:9"
advertise_client = "h:1"
advertise_peer = "h:2"
join = ["a:1", "b:2"]
cluster = "c"
shards = 8
map_size = 1048576
gossip_interval = "100ms"
probe_every = "2s"
dead_after = "30s"
max_skew = "50ms"
retry_window = "1h"
collect = true
readers = 1
log_level = "debug"
log_json = true
allow_faults = true
)");
  const Config config = loaded({"--config", file});
  CHECK(config.data == "x");
  CHECK(config.name == "n2");
  CHECK(config.client == "127.0.0.1:0");
  CHECK(config.peer == "[::1]:9");
  CHECK(config.advertise_client == "h:1");
  CHECK(config.advertise_peer == "h:2");
  CHECK(config.join.size() == 2);
  CHECK(config.cluster == "c");
  CHECK(config.shards == 8u);
  CHECK(config.map_bytes == 1048576);
  CHECK(config.gossip_interval_ms == 100);
  CHECK(config.probe_every_ms == 2000);
  CHECK(config.dead_after_ms == 30'000);
  CHECK(config.max_skew_ms == 50);
  CHECK(config.retry_window_ms == 3'600'000);
  CHECK(config.retry_window_given);
  CHECK(config.collect);
  CHECK(config.readers == 1);
  CHECK(config.log_level == "debug");
  CHECK(config.log_json);
  CHECK(config.allow_faults);
}

TEST_CASE("config: the sample in docs is valid, also with every line in force, and shows the defaults") {
  const TemporaryDirectory dir;
  const std::string sample = read_file(std::string(KITH_SOURCE_DIR) + "/docs/kithd.toml");
  const Config plain = loaded({"--config", dir.write("plain.toml", sample)});
  CHECK(plain.name == "n1");
  const std::string all = std::regex_replace(sample, std::regex("(^|\n)#([a-z])"), "$1$2");
  CHECK(all != sample);
  const Config config = loaded({"--config", dir.write("all.toml", all)});
  const Config defaults;
  CHECK(config.client == defaults.client);
  CHECK(config.peer == defaults.peer);
  CHECK(config.shards == kShardsDefault);
  CHECK(config.map_bytes == defaults.map_bytes);
  CHECK(config.gossip_interval_ms == defaults.gossip_interval_ms);
  CHECK(config.max_skew_ms == defaults.max_skew_ms);
  CHECK(config.retry_window_ms == defaults.retry_window_ms);
  CHECK(config.collect);
  CHECK(config.probe_every_ms == defaults.probe_every_ms);
  CHECK(config.dead_after_ms == defaults.dead_after_ms);
  CHECK(config.readers == defaults.readers);
  CHECK(config.scrub_interval_ms == defaults.scrub_interval_ms);
  CHECK(config.check_pages_bytes == defaults.check_pages_bytes);
  CHECK(config.restore == "/srv/backup/monday");
  CHECK(config.log_level == defaults.log_level);
  CHECK(config.replicas == kReplicasDefault);
  CHECK(config.join.size() == 3);
  CHECK(config.dns == "127.0.0.1:8600");
  CHECK(config.role == Role::kReplica);
  CHECK_FALSE(defaults.role.has_value());
}

TEST_CASE("config: mistakes in the file are named with file and line") {
  const TemporaryDirectory dir;
  const auto error = [&](const std::string& text) {
    const ConfigExit exit = refused(least_and({"--config", dir.write("k.toml", text)}));
    CHECK(exit.code == 2);
    return exit.text;
  };
  CHECK(contains(error("\n\ngosip_interval = \"1s\"\n"), "k.toml:3: there is no setting \"gosip_interval\"; did you mean \"gossip_interval\"?"));
  CHECK_FALSE(contains(error("wholly_different = 1\n"), "did you mean"));
  CHECK(contains(error("\nreaders = \"2\"\n"), "k.toml:2: readers must be a whole number"));
  CHECK(contains(error("readers = 2.0\n"), "k.toml:1: readers must be a whole number"));
  CHECK(contains(error("readers = 0\n"), "k.toml:1: readers: 0 is out of range: 1 to 64"));
  CHECK(contains(error("readers = -1\n"), "k.toml:1: readers"));
  CHECK(contains(error("max_skew = 500\n"), "k.toml:1: max_skew must be a string such as"));
  CHECK(contains(error("log_json = \"yes\"\n"), "k.toml:1: log_json must be true or false"));
  CHECK(contains(error("name = 1\n"), "k.toml:1: name must be a string"));
  CHECK(contains(error("join = \"a:1\"\n"), "k.toml:1: join must be an array of strings"));
  CHECK(contains(error("join = [\"a:1\", 2]\n"), "k.toml:1: join must be an array of strings"));
  CHECK(contains(error("join = [\"a\"]\n"), "has no port"));
  CHECK(contains(error("map_size = true\n"), "k.toml:1: map_size must be"));
  CHECK(contains(error("readers = 2\nreaders = 3\n"), "k.toml:2"));
  CHECK(contains(error("readers = \n"), "k.toml:1"));
  for (const char* letter : {"\u00e9", "\u012b", "\u2e80", "\uac00", "\U0001f511"}) {  // Outside of quotes, beyond ASCII.
    CAPTURE(letter);
    CHECK(contains(error(std::string("readers =") + letter + "\n"), "k.toml:1"));
    CHECK(contains(error(std::string("readers = 1 ") + letter + "\n"), "k.toml:1"));
  }
  CHECK(contains(error("[readers]\nx = 1\n"), "k.toml:1: readers must be a whole number"));
  const ConfigExit missing = refused(least_and({"--config", dir / "none.toml"}));
  CHECK(missing.code == 2);
  CHECK(contains(missing.text, "none.toml"));
}

TEST_CASE("config: mistakes in flags and variables are named, with code 2") {
  const auto error = [](const Arguments& arguments, const Environment& environment = {}) {
    const ConfigExit exit = refused(arguments, environment);
    CHECK(exit.code == 2);
    return exit.text;
  };
  CHECK(contains(error({}), "--data DIR is missing"));
  CHECK(contains(error(least_and({"--"})), "it takes flags only, and -- is none"));
  CHECK(contains(error(least_and({"--", "--check-config"})), "it takes flags only, and -- is none"));
  CHECK(contains(error({"--data", "d"}), "--name NAME is missing"));
  CHECK(contains(error(least_and({"--raeders", "2"})), "there is no flag --raeders; did you mean --readers?"));
  CHECK(contains(error(least_and({"-x"})), "there is no flag -x"));
  CHECK(contains(error(least_and({"stray"})), "kithd"));
  CHECK(contains(error(least_and({"--readers"})), "--readers"));
  CHECK(contains(error(least_and({"--readers", "two"})), "flag --readers: readers: \"two\" is no whole number"));
  CHECK(contains(error(least_and({"--readers", "65"})), "1 to 64"));
  CHECK(contains(error(least_and({"--shards", "0"})), "1 to 4096"));
  CHECK(contains(error(least_and({"--shards", "4097"})), "1 to 4096"));
  CHECK(contains(error(least_and({"--map-size", "64GB"})), "\"64GB\" is no size"));
  CHECK(contains(error(least_and({"--map-size", "1KiB"})), "out of range"));
  CHECK(contains(error(least_and({"--gossip-interval", "1"})), "is no duration"));
  CHECK(contains(error(least_and({"--gossip-interval", "1ms"})), "out of range: 10ms to 1h"));
  CHECK(contains(error(least_and({"--log-level", "loud"})), "is no level"));
  CHECK(contains(error(least_and({"--role", "witness"})), "\"witness\" is no role: replica or observer"));
  CHECK(contains(error(least_and({"--probe-every", "99ms"})), "flag --probe-every: probe-every: 99ms is out of range: 100ms to 1m; or 0"));
  CHECK(contains(error(least_and({"--probe-every", "61s"})), "out of range: 100ms to 1m; or 0"));
  CHECK(contains(error(least_and({"--probe-every", "often"})), "\"often\" is no duration"));
  CHECK(contains(error(least_and({"--dead-after", "399ms"})), "out of range: 400ms to 1h"));
  CHECK(contains(error(least_and({"--dead-after", "2h"})), "out of range: 400ms to 1h"));
  CHECK(contains(error(least_and({"--dead-after", "3999ms"})),
                 "dead-after is 3999ms, and probe-every 1s: a member would be taken for dead before it could answer; dead-after has to be at least 4s"));
  CHECK(loaded(least_and({"--dead-after", "4s"})).dead_after_ms == 4000);
  CHECK(contains(error(least_and({"--leave-for-good"})), "leave-for-good needs leave"));
  CHECK(loaded(least_and({"--leave", "1m", "--leave-for-good"})).leave_for_good);
  CHECK(loaded(least_and({"--dead-after", "400ms", "--probe-every", "100ms"})).probe_every_ms == 100);
  CHECK(loaded(least_and({"--dead-after", "400ms", "--probe-every", "0"})).probe_every_ms == 0);
  CHECK(contains(error(least_and({"--client", "8765"})), "has no port"));
  CHECK(contains(error(least_and({"--client", "h:65536"})), "has no port from 0 to 65535"));
  CHECK(contains(error(least_and({"--client", ":1"})), "has no host"));
  CHECK(contains(error(least_and({"--client", "::1:1"})), "stands in brackets"));
  CHECK(contains(error(least_and({"--client", "h:1", "--peer", "h:1"})), "they need two ports"));
  CHECK(contains(error(least_and({"--client", "0.0.0.0:1"})), "--advertise-client"));
  CHECK(contains(error(least_and({"--peer", "[::]:1"})), "--advertise-peer"));
  CHECK(contains(error(least_and({"--join", "h:0"})), "port 0"));
  CHECK(contains(error(least_and({"--redis-table", "a b"})), "no name of a table"));
  CHECK(contains(error(least_and({"--redis-table", "redis.fields"})), "no table for keys"));
  CHECK(contains(error({"--data", "d", "--name", "a b"}), "is no name"));
  CHECK(contains(error({"--data", "d", "--name", std::string(65, 'n')}), "1 to 64"));
  CHECK(contains(error(kLeast, {{"KITH_LOG_JSON", "1"}}), "environment KITH_LOG_JSON"));
  CHECK(contains(error(kLeast, {{"KITH_MAX_SKEW", "soon"}}), "environment KITH_MAX_SKEW: max-skew"));
  CHECK(loaded({"--data", "d", "--name", std::string(64, 'n')}).name.size() == 64);
  CHECK(loaded(least_and({"--client", "0.0.0.0:1", "--advertise-client", "h:1"})).advertise_client == "h:1");
  CHECK(loaded(least_and({"--client", "h:0", "--peer", "h:0"})).peer == "h:0");
}

TEST_CASE("config: what cannot be joined through is refused at once") {
  const auto error = [](const std::string& entry) {
    const ConfigExit exit = refused(least_and({"--join", entry}));
    CHECK(exit.code == 2);
    return exit.text;
  };
  CHECK(contains(error("127.0.0.1:0"), "has port 0, to which nobody can connect"));
  CHECK(contains(error("127.0.0.1"), "has no port"));
  CHECK(contains(error(":8766"), "has no host"));
  CHECK(contains(error("http://h:1"), "is no address"));
  CHECK(contains(error("h:65536"), "has no port from 0 to 65535"));
  for (const char* none : {"srv:", "srv:.", "srv:a..b", "srv:a b", "srv:_kith._tcp.h:8766", "srv:_kith._tcp/h"}) CHECK(contains(error(none), "names no service"));
  CHECK(contains(error("srv:" + std::string(254, 'a')), "names no service"));
  CHECK(loaded(least_and({"--join", "srv:_kith._tcp.example.org", "--join", "h:1"})).join.size() == 2);
  CHECK(contains(refused(least_and({"--dns", "127.0.0.1:0"})).text, "port 0"));
  CHECK(contains(refused(least_and({"--dns", "a.name:53"})).text, "is a name"));
  CHECK(loaded(least_and({"--dns", "[::1]:53"})).dns == "[::1]:53");
}

TEST_CASE("config: --check-config shows what is in force and who said so") {
  const TemporaryDirectory dir;
  const std::string file = dir.write("k.toml", "\nmax_skew = \"1s\"\n");
  const ConfigExit exit =
      refused(least_and({"--check-config", "--config", file, "--join", "a:1"}), {{"KITH_READERS", "4"}});
  CHECK(exit.code == 0);
  const auto has_line = [&](const std::string& pattern) {
    return std::regex_search(exit.text, std::regex("(^|\n)" + pattern + "\n"));
  };
  CHECK(has_line("name = ['\"]n1['\"] +# flag --name"));
  CHECK(has_line("max_skew = ['\"]1s['\"] +# .*k.toml:2"));
  CHECK(has_line("readers = 4 +# environment KITH_READERS"));
  CHECK(has_line("map_size = ['\"]64GiB['\"] +# default"));
  CHECK(has_line("join = \\[['\"]a:1['\"]\\] +# flag --join"));
  CHECK(has_line("# cluster is not set +# default"));
  // And it can be used as a file.
  CHECK(loaded({"--config", dir.write("again.toml", exit.text)}).readers == 4);
}

TEST_CASE("config: help and version exit with 0, and help names every flag") {
  const ConfigExit help = refused({"--help"});
  CHECK(help.code == 0);
  for (const char* flag : {"--data", "--name", "--client", "--peer", "--join", "--cluster", "--config", "--check-config",
                           "--shards", "--map-size", "--log-level", "--log-json", "--allow-faults", "--advertise-client",
                           "--advertise-peer", "--gossip-interval", "--readers", "--max-skew", "--retry-window"}) {
    CHECK(contains(help.text, flag));
  }
  CHECK(refused({"--version"}).code == 0);
}

TEST_CASE("config: durations and sizes are whole numbers with a unit") {
  CHECK(parse_duration_ms("500ms") == 500);
  CHECK(parse_duration_ms("5s") == 5000);
  CHECK(parse_duration_ms("10m") == 600'000);
  CHECK(parse_duration_ms("1d") == 86'400'000);
  for (const char* bad : {"", "5", "s", "-5s", "5 s", "1.5s", "5S", "99999999999999999999s", "9223372036854775807s"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_duration_ms(bad));
  }
  CHECK(parse_bytes("64GiB") == std::uint64_t{64} << 30);
  CHECK(parse_bytes("4096") == 4096u);
  for (const char* bad : {"", "GiB", "1GB", "-1", "1.5GiB", "99999999TiB"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_bytes(bad));
  }
  for (const std::int64_t ms : {0, 1, 999, 1000, 90'000, 86'400'000}) CHECK(parse_duration_ms(format_duration(ms)) == ms);
  CHECK(format_bytes(std::uint64_t{64} << 30) == "64GiB");
  CHECK(format_bytes(1025) == "1025");
}

TEST_CASE("address: text and value go back and forth") {
  for (const char* text : {"127.0.0.1:8765", "[::1]:1", "host-1.example:0", "*:65535"}) {
    CAPTURE(text);
    const auto address = parse_address(text);
    REQUIRE(address);
    CHECK(to_string(*address) == text);
  }
  for (const char* text : {"", ":", "h:", "h", "h: 1", "h:+1", "h:1x", "[]:1", "a/b:1", "a b:1", "[::1:1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_address(text));
  }
  CHECK(parse_address(std::string(254, 'h') + ":1").has_value());
  CHECK_FALSE(parse_address(std::string(255, 'h') + ":1").has_value());
  CHECK(resolve({"127.0.0.1", 5}) == Address{"127.0.0.1", 5});
}

}  // namespace
}  // namespace kith
