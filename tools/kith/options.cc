#include "tools/kith/options.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdlib>

#include "crdt/limits.h"
#include "gossip/operation.h"
#include "gossip/tables.h"
#include "node/version.h"
#include "node/view/text.h"

namespace kith::tools {
namespace {

constexpr std::size_t kDemoNodesMax = 16;

[[noreturn]] void usage_error(const std::string& what) { throw CommandError(ExitCode::kUsage, what); }

// SUBTLE: values must reach us byte for byte, and CLI11 reads meaning into some ("[a,b]", "", "{}").  So it is shown
// placeholders, \x01 and an index, and only ever sees the options themselves.
class Hidden {
 public:
  explicit Hidden(const std::vector<std::string>& words) {
    bool only_values = false;
    for (const std::string& word : words) {
      const bool number = word.size() > 1 && word[1] >= '0' && word[1] <= '9';
      if (only_values || word.size() < 2 || word[0] != '-' || number) {
        shown_.push_back(hide(word));
      } else if (word == "--") {
        only_values = true;
      } else if (const std::size_t equals = word.find('='); word[1] == '-' && equals != std::string::npos) {
        shown_.push_back(word.substr(0, equals));
        shown_.push_back(hide(word.substr(equals + 1)));
      } else {
        shown_.push_back(word);
      }
    }
  }

  // As CLI11 takes them: last first.
  std::vector<std::string> reversed() const { return {shown_.rbegin(), shown_.rend()}; }

  std::string reveal(const std::string& shown) const {
    if (shown.empty() || shown[0] != '\x01') return shown;
    return words_[std::stoul(shown.substr(1))];
  }

 private:
  std::string hide(const std::string& word) {
    words_.push_back(word);
    return "\x01" + std::to_string(words_.size() - 1);
  }

  std::vector<std::string> words_;
  std::vector<std::string> shown_;
};

// The options as text, before any is understood.
struct RawOptions {
  std::string host, port, table, timeout, tag, replicas, file, ttl, with, nodes, directory, script, route, write, keys, kinds, quorum, read;
  bool json = false, help = false, long_form = false, keep_going = false, converged = false, yes = false, cancel = false, version = false;
};

void add_text(CLI::App& app, const std::string& names, std::string& into) {
  app.add_option(names, into)->take_last();
}

void add_options(CLI::App& app, RawOptions& raw, unsigned options, bool before_command) {
  app.set_help_flag();
  app.add_flag("-h,--help", raw.help);
  if (before_command) app.add_flag("--version", raw.version);
  add_text(app, "-H,--host", raw.host);
  add_text(app, "-P,--port", raw.port);
  add_text(app, "-t,--table", raw.table);
  add_text(app, "--timeout", raw.timeout);
  app.add_flag("--json", raw.json);
  if (options & kWriteOptions) add_text(app, "--tag", raw.tag);
  if (options & (kWriteOptions | kImportOptions)) add_text(app, "--replicas", raw.replicas);
  if (options & (kWriteOptions | kTableOptions)) add_text(app, "--write", raw.write);
  if (options & kTableOptions) {
    add_text(app, "--keys", raw.keys);
    add_text(app, "--kinds", raw.kinds);
    add_text(app, "--quorum", raw.quorum);
  }
  if (options & (kTableOptions | kReadOption)) add_text(app, "--read", raw.read);
  if (options & kFileOption) add_text(app, "--file", raw.file);
  if (options & kTtlOption) add_text(app, "--ttl", raw.ttl);
  if (options & kRouteOption) add_text(app, "--route", raw.route);
  if (options & kWithOption) add_text(app, "--with", raw.with);
  if (options & kLongOption) app.add_flag("-l,--long", raw.long_form);
  if (options & kImportOptions) app.add_flag("--keep-going", raw.keep_going);
  if (options & kWaitOptions) app.add_flag("--converged", raw.converged);
  if (options & kYesOption) app.add_flag("--yes", raw.yes);
  if (options & kCancelOption) app.add_flag("--cancel", raw.cancel);
  if (options & kDemoOptions) {
    add_text(app, "--nodes", raw.nodes);
    add_text(app, "--dir", raw.directory);
    add_text(app, "--script", raw.script);
  }
}

// Runs CLI11; its own exit codes end here.
void run(CLI::App& app, const Hidden& words, const std::string& where) {
  try {
    app.parse(words.reversed());
  } catch (const CLI::ExtrasError& error) {
    std::string what = error.what();
    usage_error(what);
  } catch (const CLI::ArgumentMismatch& error) {
    usage_error(where + std::string(error.what()));
  } catch (const CLI::ParseError& error) {
    usage_error(where + std::string(error.what()));
  }
}

bool asks_for_value(const CLI::App& app, const std::string& name) {
  const CLI::Option* option = app.get_option_no_throw(name);
  return option != nullptr && option->get_items_expected_max() > 0;
}

// Options that nobody knows, and those whose value is missing, are found here, where we can say what to do about it.
void check_options(const CLI::App& app, const std::vector<std::string>& words, const std::string& command) {
  std::vector<std::string> known;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
    for (const std::string& name : option->get_snames()) known.push_back("-" + name);
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") return;
    if (word.size() < 2 || word[0] != '-' || (word[1] >= '0' && word[1] <= '9')) continue;
    const bool long_name = word[1] == '-';
    const std::string name = long_name ? word.substr(0, word.find('=')) : word.substr(0, 2);
    const bool holds_value = long_name ? name.size() != word.size() : word.size() > 2;
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      const auto meant = long_name ? closest(name, known) : std::nullopt;
      usage_error((command.empty() ? "kith" : command) + " has no option " + escaped(name) +
                  (meant ? ": did you mean " + *meant + "?"
                         : "; a value that begins with '-' goes behind \"--\", as in: kith set KEY -- -x"));
    }
    if (!asks_for_value(app, name)) {
      if (long_name && holds_value) usage_error(name + " takes no value");
      continue;
    }
    if (holds_value) continue;
    if (++i == words.size()) usage_error(name + " needs a value");
    if (words[i].size() > 1 && words[i][0] == '-' && (words[i][1] < '0' || words[i][1] > '9')) {
      usage_error(name + " needs a value, and " + escaped(words[i]) + " looks like an option");
    }
  }
}

void check_port(const std::string& port, const std::string& from) {
  const auto number = number_from(port);
  if (!number || *number == 0 || *number > 65535) {
    usage_error(from + ": \"" + escaped(port) + "\" is no port; give a number from 1 to 65535");
  }
}

void set_host(Settings& settings, const std::string& host, const std::string& from) {
  const auto [name, port] = split_address(host, settings.port);
  if (name.empty()) usage_error(from + " names no host; give HOST or HOST:PORT");
  settings.host = name;
  settings.port = port;
  check_port(settings.port, from);
}

void set_table(Settings& settings, const std::string& table, const std::string& from) {
  if (!valid_table_name(table)) {
    usage_error(from + ": \"" + escaped(table) + "\" is no table name: 1 to " + std::to_string(kTableNameBytesMax) +
                " of A-Z a-z 0-9 . - _, not beginning with '_'");
  }
  settings.table = table;
}

void understand_settings(const RawOptions& raw, const CLI::App& app, const Hidden& words, Settings& settings) {
  const auto given = [&](const char* name) { return app.count(name) > 0; };
  if (given("--host")) set_host(settings, words.reveal(raw.host), "--host");
  if (given("--port")) {
    settings.port = words.reveal(raw.port);
    check_port(settings.port, "--port");
  }
  if (given("--table")) set_table(settings, words.reveal(raw.table), "--table");
  if (given("--timeout")) {
    const auto ms = duration_from(words.reveal(raw.timeout));
    if (!ms || *ms == 0 || *ms > 24 * 3600 * 1000) {
      usage_error("--timeout: \"" + escaped(words.reveal(raw.timeout)) +
                  "\" is no time; give for example 200ms, 5s or 2m, at most 24h");
    }
    settings.timeout_ms = *ms;
    settings.timeout_given = true;
  }
  settings.json = settings.json || raw.json;
}

void understand_command(const RawOptions& raw, const CLI::App& app, const Hidden& words, CommandLine& line) {
  const auto given = [&](const char* name) { return app.get_option_no_throw(name) != nullptr && app.count(name) > 0; };
  if (given("--tag")) {
    line.tag = parse_tag(words.reveal(raw.tag));
    if (!line.tag) {
      usage_error("--tag: \"" + escaped(words.reveal(raw.tag)) +
                  "\" is no tag; give the one the first attempt printed: 16 hex digits, '-', 16 hex digits");
    }
  }
  if (given("--replicas")) {
    const std::string text = words.reveal(raw.replicas);
    const auto number = number_from(text);
    if (text != "all" && (!number || *number == 0 || *number > kMembersMax)) {
      usage_error("--replicas: \"" + escaped(text) + "\"; give a number from 1 to " + std::to_string(kMembersMax) +
                  ", or all");
    }
    line.replicas = text == "all" ? kAllReplicas : static_cast<std::uint32_t>(*number);
  }
  const bool table = (line.command->options & kTableOptions) != 0;
  if (given("--write") && !table) {
    const std::string text = words.reveal(raw.write);
    const auto level = level_from(text);
    if (!level) usage_error("--write: \"" + escaped(text) + "\"; give one, quorum, all, or a number from 1 to " + std::to_string(kMembersMax));
    if (given("--replicas")) usage_error("--write and --replicas say the same: give one of them");
    line.replicas = *level;
  }
  if (given("--read") && !table) {
    const std::string text = words.reveal(raw.read);
    const auto level = level_from(text);
    if (!level) usage_error("--read: \"" + escaped(text) + "\"; give one, quorum, all, or a number from 1 to " + std::to_string(kMembersMax));
    line.read_level = *level;
  }
  const auto attribute = [&](const std::string& name, const std::string& shown) {
    if (!table || !given(("--" + name).c_str())) return;
    TableRules rules;
    if (const auto problem = take_attribute(rules, name, words.reveal(shown))) usage_error("--" + *problem);
    line.attributes.emplace_back(name, words.reveal(shown));
  };
  attribute("keys", raw.keys);
  attribute("kinds", raw.kinds);
  attribute("quorum", raw.quorum);
  attribute("read", raw.read);
  attribute("write", raw.write);
  if (given("--ttl")) {
    line.ttl = words.reveal(raw.ttl);
    line.ttl_ms = ttl_from(line.ttl, "--ttl");
  }
  if (given("--nodes")) {
    const auto number = number_from(words.reveal(raw.nodes));
    if (!number || *number == 0 || *number > kDemoNodesMax) {
      usage_error("--nodes: \"" + escaped(words.reveal(raw.nodes)) + "\"; give a number from 1 to " +
                  std::to_string(kDemoNodesMax));
    }
    line.nodes = static_cast<std::size_t>(*number);
  }
  if (given("--route")) {
    const std::string route = words.reveal(raw.route);
    if (route != "any" && route != "leader") usage_error("--route: \"" + escaped(route) + "\"; give any or leader");
    line.settings.route = route == "leader" ? Route::kLeader : Route::kAny;
  }
  line.with = words.reveal(raw.with);
  if (given("--with") && line.with.empty()) usage_error("--with names no node; give its name or HOST:PORT");
  line.file = words.reveal(raw.file);
  line.directory = words.reveal(raw.directory);
  line.script = words.reveal(raw.script);
  line.long_form = raw.long_form;
  line.keep_going = raw.keep_going;
  line.converged = raw.converged;
  line.yes = raw.yes;
  line.cancel = raw.cancel;
}

void check_arguments(const Command& command, std::size_t given) {
  if (given >= command.arguments_min && given <= command.arguments_max) return;
  const std::string name(command.name);
  const std::string usage = "kith " + name + (command.arguments.empty() ? "" : " ") + std::string(command.arguments);
  usage_error(name + (given < command.arguments_min ? " needs more arguments" : " was given too many arguments") +
              ".\nUsage:   " + usage + "\nExample: " +
              std::string(command.example.substr(0, command.example.find('\n'))));
}

const Command& command_named(const std::string& name) {
  if (const Command* command = find_command(name)) return *command;
  std::vector<std::string> names;
  for (const Command& command : all_commands()) names.emplace_back(command.name);
  std::string small = name;  // SADD, as other shells have it.
  for (char& c : small) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const auto meant = closest(small, names);
  usage_error("there is no command \"" + escaped(name) + "\"" +
              (meant ? ": did you mean " + *meant + "?" : "; `kith --help` lists them"));
}

}  // namespace

std::int64_t ttl_from(const std::string& text, const std::string& what) {
  const auto ms = duration_from(text);
  if (ms && *ms > 0 && *ms <= kTtlMsMax) return *ms;
  usage_error(what + ": \"" + escaped(text) + "\" is no time for which a value can last; give for example 500ms, 30s, 15m, 12h " +
              "or 7d: above zero, at most 100 years (36500d)");
}

const Command* find_command(std::string_view name) {
  for (const Command& command : all_commands()) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

Settings settings_from_environment() {
  Settings settings;
  const auto given = [](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
  };
  if (const auto port = given("KITH_PORT")) {
    settings.port = *port;
    check_port(settings.port, "KITH_PORT");
  }
  if (const auto host = given("KITH_HOST")) set_host(settings, *host, "KITH_HOST");
  if (const auto table = given("KITH_TABLE")) set_table(settings, *table, "KITH_TABLE");
  return settings;
}

std::variant<CommandLine, HelpText> parse_command_line(const std::vector<std::string>& words,
                                                       const Settings& defaults) {
  CommandLine line;
  line.settings = defaults;

  // Up to the command only the options of all commands; where it stands, counting tells.
  std::size_t at = 0;
  while (at < words.size()) {
    const std::string& word = words[at];
    if (word == "--" || word.size() < 2 || word[0] != '-') break;
    const bool takes_value = word == "-H" || word == "-P" || word == "-t" || word == "--host" || word == "--port" ||
                             word == "--table" || word == "--timeout";
    at += takes_value ? 2 : 1;
  }
  at = std::min(at, words.size());
  const std::vector<std::string> before(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(at));
  if (at < words.size() && words[at] == "--") ++at;

  RawOptions raw_before;
  CLI::App global;
  add_options(global, raw_before, 0, true);
  check_options(global, before, "");
  const Hidden hidden_before(before);
  run(global, hidden_before, "");
  understand_settings(raw_before, global, hidden_before, line.settings);
  if (raw_before.version) return HelpText{"kith " + std::string(kVersion) + "\n"};
  if (at == words.size()) {
    if (raw_before.help) return HelpText{help_of_all()};
    return line;
  }

  line.command = &command_named(words[at]);
  const std::vector<std::string> after(words.begin() + static_cast<std::ptrdiff_t>(at) + 1, words.end());
  RawOptions raw;
  CLI::App app;
  std::vector<std::string> arguments;
  add_options(app, raw, line.command->options, false);
  check_options(app, after, std::string(line.command->name));
  app.add_option("arguments", arguments)->expected(0, CLI::detail::expected_max_vector_size);
  const Hidden hidden(after);
  run(app, hidden, std::string(line.command->name) + ": ");
  if (raw.help || raw_before.help) return HelpText{help_of(*line.command)};
  understand_settings(raw, app, hidden, line.settings);
  understand_command(raw, app, hidden, line);
  for (const std::string& argument : arguments) line.arguments.push_back(hidden.reveal(argument));
  check_arguments(*line.command, line.arguments.size());
  return line;
}

}  // namespace kith::tools
