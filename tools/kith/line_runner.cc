#include "tools/kith/line_runner.h"

#include <ostream>

#include "node/client.h"
#include "node/view/text.h"
#include "tools/kith/options.h"
#include "tools/kith/shell_words.h"
#include "tools/kith/words.h"

namespace kith::tools {
namespace {

[[noreturn]] void usage_error(const std::string& what) { throw CommandError(ExitCode::kUsage, what); }

std::vector<std::string> words_of(std::string_view line) {
  auto split = split_words(line);
  if (const auto* error = std::get_if<WordsError>(&split)) usage_error(error->message);
  return std::move(std::get<std::vector<std::string>>(split));
}

constexpr std::string_view kShellHelp =
    "\nIn the shell also:\n"
    "  at NODE COMMAND..                 asks another node, by name or HOST:PORT\n"
    "  use TABLE                         another table from now on\n"
    "  connect HOST[:PORT]               another node from now on\n"
    "  SET, GET, DELETE                  set, get and del for people: `help SET`\n"
    "  help [COMMAND], exit\n"
    "Words may be quoted: 'as it is', \"with \\n and \\x00\".  # begins a comment.\n";

constexpr std::string_view kShellWordsHelp =
    "  SET KEY VALUE                     Created, or Updated (2 replicas); quotes stand around a value with blanks: '..' as it is,\n"
    "                                    from the first to the last, or \"..\" with \\n \\r \\t \\\" \\\\ \\xNN\n"
    "  GET KEY                           the value as SET takes it\n"
    "  DELETE KEY                        Deleted (2 replicas)\n";

}  // namespace

ExitCode report(const Console& console, const std::exception& error) {
  ExitCode code = ExitCode::kFailed;
  if (const auto* command_error = dynamic_cast<const CommandError*>(&error)) code = command_error->code();
  if (const auto* client_error = dynamic_cast<const ClientError*>(&error)) {
    switch (client_error->kind()) {
      case ClientError::Kind::kConnect: code = ExitCode::kCannotConnect; break;
      case ClientError::Kind::kTimeout: code = ExitCode::kTimeout; break;
      case ClientError::Kind::kProtocol:
      case ClientError::Kind::kLimit: code = ExitCode::kFailed; break;
    }
  }
  console.out.flush();
  console.err << console.paint_err(Color::kBad, "kith:") << ' ' << error.what() << '\n';
  return code;
}

const std::vector<std::string>& LineRunner::own_words() {
  static const std::vector<std::string> kWords = {"at", "use", "connect", "help", "exit", "quit"};
  return kWords;
}

ExitCode LineRunner::run(std::string_view line, const Console& console) {
  const std::size_t begin = line.find_first_not_of(" \t");
  if (begin != std::string_view::npos && line[begin] == '\\') {
    return run_extension(words_of(line.substr(begin + 1)), console);
  }
  if (follows_) {
    go_where_it_is();
    if (const auto word = parse_shell_word(line)) {
      if (const auto* problem = std::get_if<std::string>(&*word)) usage_error(*problem);
      return run_shell_word(std::get<ShellWord>(*word), *connections_.roving(), settings_, console, before_outcome_);
    }
  }
  return run_words(words_of(line), console);
}

void LineRunner::follow(std::function<void()> before_outcome) {
  follows_ = true;
  before_outcome_ = std::move(before_outcome);
}

void LineRunner::go_where_it_is() {
  connections_.settle();
  std::tie(settings_.host, settings_.port) = split_address(connections_.home(), settings_.port);
}

ExitCode LineRunner::run_and_report(std::string_view line, const Console& console) {
  try {
    return run(line, console);
  } catch (const std::exception& error) {
    return report(console, error);
  }
}

ExitCode LineRunner::run_words(const std::vector<std::string>& words, const Console& console) {
  if (words.empty()) return ExitCode::kOk;
  const std::string& first = words[0];
  if (first == "help" || first == "?") return run_help(words, console);
  if (first == "use") {
    if (words.size() != 2) usage_error("use needs one table: use TABLE");
    Settings changed = std::get<CommandLine>(parse_command_line({"--table", words[1]}, settings_)).settings;
    settings_ = changed;
    return ExitCode::kOk;
  }
  if (first == "connect") {
    if (words.size() != 2) usage_error("connect needs one node: connect HOST[:PORT]");
    Settings changed = std::get<CommandLine>(parse_command_line({"--host", words[1]}, settings_)).settings;
    if (follows_) {
      ClientOptions there;
      there.addresses = {changed.address()};
      there.route = changed.route;
      connections_.rove(std::move(there));
    } else {
      connections_.to(changed.address(), std::chrono::milliseconds(changed.timeout_ms));
    }
    settings_ = changed;
    return ExitCode::kOk;
  }
  if (first == "at") return run_at(settings_, words, console);
  return run_with(settings_, words, console);
}

ExitCode LineRunner::run_at(const Settings& settings, const std::vector<std::string>& words, const Console& console) {
  if (words.size() < 3) usage_error("at needs a node and a command: at n2 smembers likes");
  Settings there = settings;
  const std::string address =
      connections_.resolve(words[1], settings.address(), std::chrono::milliseconds(settings.timeout_ms));
  std::tie(there.host, there.port) = split_address(address, settings.port);
  return run_with(there, {words.begin() + 2, words.end()}, console);
}

ExitCode LineRunner::run_with(const Settings& settings, const std::vector<std::string>& words, const Console& console) {
  const auto parsed = parse_command_line(words, settings);
  if (const auto* help = std::get_if<HelpText>(&parsed)) {
    console.out << help->text;
    return ExitCode::kOk;
  }
  const CommandLine& line = std::get<CommandLine>(parsed);
  if (line.command == nullptr) usage_error("options, but no command; `help` lists the commands");
  if (!line.command->in_shell) usage_error(std::string(line.command->name) + " cannot be run from within a shell");
  Context context{.console = console, .connections = connections_, .interactive = interactive_};
  return line.command->run(context, line);
}

ExitCode LineRunner::run_help(const std::vector<std::string>& words, const Console& console) {
  if (words.size() > 1 && follows_ && parse_shell_word(words[1])) {
    console.out << kShellWordsHelp;
    return ExitCode::kOk;
  }
  if (words.size() > 1) {
    const Command* command = find_command(words[1]);
    if (command == nullptr) usage_error("there is no command \"" + escaped(words[1]) + "\"; `help` lists them");
    console.out << help_of(*command);
    return ExitCode::kOk;
  }
  console.out << help_of_all() << kShellHelp;
  if (extension_ != nullptr) console.out << extension_->help;
  return ExitCode::kOk;
}

ExitCode LineRunner::run_extension(const std::vector<std::string>& words, const Console& console) {
  if (extension_ == nullptr) usage_error("lines that begin with a backslash are for `kith demo`");
  if (words.empty()) usage_error("a backslash needs a word behind it; \\help lists them");
  return extension_->run(words, console);
}

}  // namespace kith::tools
