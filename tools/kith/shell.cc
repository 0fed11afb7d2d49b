#include "tools/kith/shell.h"

#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "node/view/text.h"
#include "tools/kith/line_editor.h"
#include "tools/kith/shell_news.h"

namespace kith::tools {
namespace {

// Nobody answers: that long another one may be on its way up.
constexpr std::chrono::milliseconds kPatience{2000};
// Ctrl-C is looked at as often.
constexpr std::chrono::milliseconds kIdleLook{200};

bool ends_shell(std::string_view line) {
  const std::size_t begin = line.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return false;
  line = line.substr(begin, line.find_last_not_of(" \t") - begin + 1);
  return line == "exit" || line == "quit" || line == "\\quit" || line == "\\q";
}

std::string history_file() {
  const char* home = std::getenv("HOME");
  return home == nullptr || *home == '\0' ? "" : std::string(home) + "/.kith_history";
}

std::vector<std::string> candidates_for(const std::vector<std::string>& before, const LineExtension* extension,
                                        const std::vector<std::string>& node_names) {
  const bool names_node = !before.empty() && (before.back() == "at" || before[0] == "diff" || before[0][0] == '\\');
  if (names_node) return node_names;
  const bool wants_command = before.empty() || (before.size() == 2 && before[0] == "at") || before[0] == "help";
  if (!wants_command) return {};
  std::vector<std::string> out;
  for (const Command& command : all_commands()) out.emplace_back(command.name);
  if (before.empty()) {
    out.insert(out.end(), LineRunner::own_words().begin(), LineRunner::own_words().end());
    if (extension != nullptr) {
      for (const std::string& verb : extension->verbs) out.push_back("\\" + verb);
    }
  }
  return out;
}

ExitCode run_lines_of(std::istream& in, LineRunner& runner, const Console& console) {
  ExitCode first_error = ExitCode::kOk;
  std::string line;
  for (std::uint64_t number = 1; std::getline(in, line); ++number) {
    if (ends_shell(line)) break;
    const ExitCode code = runner.run_and_report(line, console);
    if (code == ExitCode::kOk) continue;
    console.out.flush();
    console.err << "(line " << number << ": " << escaped(line) << ")\n";
    if (first_error == ExitCode::kOk) first_error = code;
  }
  return first_error;
}

}  // namespace

ExitCode run_shell_with(Context& context, const Settings& settings, const LineExtension* extension,
                        const std::vector<std::string>& node_names) {
  const bool terminal = isatty(STDIN_FILENO) == 1;
  LineRunner runner(settings, context.connections, extension, true);
  if (!terminal) return run_lines_of(std::cin, runner, context.console);
  LineEditor editor(history_file(), [&](const std::vector<std::string>& before) {
    return candidates_for(before, extension, node_names);
  });
  for (;;) {
    const Settings& now = runner.settings();
    std::string prompt = "kith " + now.address();
    if (now.table != kDefaultTable) prompt += "/" + now.table;
    context.console.out.flush();
    const auto line = editor.read(prompt + "> ");
    if (!line || ends_shell(*line)) return ExitCode::kOk;
    runner.run_and_report(*line, context.console);
    context.console.out.flush();
  }
}

ExitCode run_shell(Context& context, const CommandLine& line) {
  const Console& console = context.console;
  ClientOptions options;
  options.addresses = {line.settings.address()};
  options.route = line.settings.route;
  options.connect_timeout = std::chrono::milliseconds(line.settings.timeout_ms);
  options.patience = kPatience;
  Client& client = context.connections.rove(std::move(options));
  LineRunner runner(line.settings, context.connections, nullptr, true);
  ShellNews news(client);
  if (isatty(STDIN_FILENO) != 1) {
    runner.follow();
    return run_lines_of(std::cin, runner, console);
  }
  runner.follow([&] { console.out << news.since(); });
  console.out << news.greeting();
  LineEditor editor(history_file(), [&](const std::vector<std::string>& before) {
    std::vector<std::string> names;
    for (const Roster::Member& member : client.roster().members) names.push_back(member.name);
    return candidates_for(before, nullptr, names);
  });
  editor.while_idle([&]() -> std::optional<std::string> {
    if (client.wait_for(STDIN_FILENO, kIdleLook)) return std::nullopt;
    return news.since();
  });
  for (;;) {
    console.out << news.since();
    console.out.flush();
    const auto read = editor.read("> ");
    if (!read || ends_shell(*read)) return ExitCode::kOk;
    runner.run_and_report(*read, console);
    console.out.flush();
  }
}

}  // namespace kith::tools
