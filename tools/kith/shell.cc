#include "tools/kith/shell.h"

#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "node/view/status_document.h"
#include "node/view/text.h"
#include "tools/kith/ask.h"
#include "tools/kith/line_editor.h"

namespace kith::tools {
namespace {

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

// For completion only: an error here is told by the first command.
std::vector<std::string> names_of_nodes(Context& context, const Settings& settings) {
  std::vector<std::string> names;
  try {
    Request request;
    request.op = ClientOp::kStatus;
    const NodeStatus status = parse_node_status(ask(context, settings, request).document);
    context.console.out << "Connected to " << status.name << " of cluster "
                        << (status.cluster_name.empty() ? "(no name)" : status.cluster_name) << " at "
                        << settings.address() << ".  `help` lists the commands.\n";
    for (const MemberRow& member : status.members) names.push_back(member.name);
  } catch (const std::exception& error) {
    report(context.console, error);
  }
  return names;
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
  std::vector<std::string> names;
  if (isatty(STDIN_FILENO) == 1) names = names_of_nodes(context, line.settings);
  return run_shell_with(context, line.settings, nullptr, names);
}

}  // namespace kith::tools
