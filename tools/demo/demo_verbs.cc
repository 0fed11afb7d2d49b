#include "tools/demo/demo_verbs.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <ostream>
#include <set>
#include <thread>

#include "node/view/text.h"
#include "tools/demo/package_list.h"
#include "tools/demo/script.h"
#include "tools/kith/cluster_commands.h"

namespace kith::tools {
namespace {

using std::chrono::milliseconds;
constexpr std::int64_t kConvergeMs = 30 * 1000;
constexpr milliseconds kPatience{5000};
constexpr milliseconds kUntilPatience{60000};

constexpr const char* kHelp =
    "\nIn the demo also:\n"
    "  \\partition n1 | n2,n3             no message passes between the groups\n"
    "  \\heal                             messages pass again\n"
    "  \\latency 200ms                    every message between nodes takes that much longer; 0ms: no more\n"
    "  \\kill n2                          SIGKILL: no goodbye, nothing flushed\n"
    "  \\stop n2                          SIGTERM: an orderly end\n"
    "  \\restart n2                       the same directory, the same addresses, a new life\n"
    "  \\load                             the package database of this machine, through all nodes at once\n"
    "  \\write start n1,n2                a stream of writes into the set \"load\"\n"
    "  \\write until 1000                 waits until so many of them were acknowledged\n"
    "  \\write stop                       ends it\n"
    "  \\converge [30s]                   waits until all running nodes hold the same; time and bytes\n"
    "  \\fingerprints                     of all running nodes; they have to be equal\n"
    "  \\status, \\help, exit\n";

std::vector<std::string> split_names(const std::string& text, char separator) {
  std::vector<std::string> out(1);
  for (const char c : text) {
    if (c == separator) out.emplace_back();
    else if (c != ' ') out.back() += c;
  }
  return out;
}

const std::string& one_word(const std::vector<std::string>& words, const char* example) {
  if (words.size() != 2) throw CommandError(ExitCode::kUsage, "\\" + words[0] + " needs one word, as in " + example);
  return words[1];
}

}  // namespace

LineExtension DemoVerbs::extension() {
  return {.run = [this](const Words& words, const Console& console) { return run(words, console); },
          .verbs = {"partition", "heal", "latency", "kill", "stop", "restart", "load", "write", "converge",
                    "fingerprints", "status", "help"},
          .help = kHelp};
}

ExitCode DemoVerbs::run(const Words& words, const Console& console) {
  const std::string& verb = words[0];
  if (verb == "help") {
    console.out << kHelp;
  } else if (verb == "status") {
    status(console);
  } else if (verb == "load") {
    return load(console);
  } else if (verb == "partition") {
    partition(words, console);
  } else if (verb == "heal") {
    cluster_.heal();
    print_check(console, true, "healed: every node hears every other again");
  } else if (verb == "latency") {
    const std::string& text = one_word(words, "\\latency 200ms");
    const auto ms = duration_from(text);
    if (!ms) throw CommandError(ExitCode::kUsage, "\"" + escaped(text) + "\" is no time; give for example 200ms");
    cluster_.latency(std::to_string(*ms) + "ms");
    print_check(console, true, "every message between nodes now takes " + duration_in_words(*ms) + " longer");
  } else if (verb == "kill") {
    cluster_.kill(one_word(words, "\\kill n2"));
    print_check(console, true, words[1] + " killed with SIGKILL");
  } else if (verb == "stop") {
    cluster_.stop(one_word(words, "\\stop n2"));
    print_check(console, true, words[1] + " stopped");
  } else if (verb == "restart") {
    cluster_.restart(one_word(words, "\\restart n2"));
    print_check(console, true, words[1] + " runs again at " + cluster_.node(words[1]).client_address());
  } else if (verb == "write") {
    write(words, console);
  } else if (verb == "converge") {
    converge(words, console);
  } else if (verb == "fingerprints") {
    fingerprints(console);
  } else {
    const auto meant = closest(verb, extension().verbs);
    throw CommandError(ExitCode::kUsage,
                       "there is no \\" + escaped(verb) +
                           (meant ? ": did you mean \\" + *meant + "?" : "; \\help lists what there is"));
  }
  return ExitCode::kOk;
}

ExitCode DemoVerbs::load(const Console& console) {
  std::ifstream in(kPackageDatabase);
  if (!in) {
    throw CommandError(ExitCode::kFailed, std::string("cannot read ") + kPackageDatabase + ": " + std::strerror(errno) +
                                              " (the demo's input is the package database of a Debian-like system)");
  }
  const std::vector<Package> packages = read_packages(in);
  if (packages.empty()) {
    throw CommandError(ExitCode::kFailed, std::string(kPackageDatabase) + " lists no installed package");
  }
  std::vector<std::string> addresses;
  for (const auto& [name, address] : cluster_.running()) addresses.push_back(address);
  cluster_.mark();
  const LoadResult result = load_through(addresses, writes_of(packages), console);
  print_check(console, true,
              count_of(packages.size(), "package", "packages") + " of this machine loaded through " +
                  count_of(addresses.size(), "node", "nodes") +
                  " at once: " + count_of(result.writes, "write", "writes") + ", " +
                  count_of(result.cells, "cell", "cells") + ", " + duration_in_words(result.took_ms));
  return ExitCode::kOk;
}

void DemoVerbs::partition(const Words& words, const Console& console) {
  std::string text;
  for (std::size_t i = 1; i < words.size(); ++i) text += words[i];
  std::vector<Words> groups;
  std::set<std::string> named;
  for (const std::string& group : split_names(text, '|')) {
    groups.push_back(split_names(group, ','));
    for (const std::string& name : groups.back()) {
      cluster_.node(name);
      if (!named.insert(name).second) throw CommandError(ExitCode::kUsage, name + " is on two sides of the partition");
    }
  }
  if (groups.size() < 2)
    throw CommandError(ExitCode::kUsage, "\\partition needs two sides, as in \\partition n1 | n2,n3");
  cluster_.partition(groups);
  std::string shown;
  for (const Words& group : groups) {
    shown += shown.empty() ? "" : " | ";
    for (const std::string& name : group) shown += (name == group.front() ? "" : ",") + name;
  }
  print_check(console, true, "partitioned: " + shown);
}

void DemoVerbs::write(const Words& words, const Console& console) {
  if (words.size() == 3 && words[1] == "start") {
    if (writer_) throw CommandError(ExitCode::kFailed, "a stream of writes runs already; \\write stop ends it");
    std::vector<std::string> addresses;
    for (const std::string& name : split_names(words[2], ','))
      addresses.push_back(cluster_.node(name).client_address());
    writer_ = std::make_unique<SteadyWriter>(addresses, "load");
    print_check(console, true, "writing into the set \"load\" without pause, through " + words[2]);
  } else if (words.size() == 3 && words[1] == "until") {
    if (!writer_) throw CommandError(ExitCode::kFailed, "no stream of writes runs; \\write start n1,n2 begins one");
    const auto wanted = number_from(words[2]);
    if (!wanted) throw CommandError(ExitCode::kUsage, "\\write until needs a number, as in \\write until 1000");
    const auto deadline = std::chrono::steady_clock::now() + kUntilPatience;
    while (writer_->acknowledged() < *wanted && !writer_->failed() && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(milliseconds(5));
    }
    const std::uint64_t seen = writer_->acknowledged();
    print_check(console, seen >= *wanted, count_of(seen, "write", "writes") + " acknowledged so far");
    if (seen < *wanted)
      throw CommandError(ExitCode::kTimeout, "waited in vain for " + words[2] + " acknowledged writes");
  } else if (words.size() == 2 && words[1] == "stop") {
    if (!writer_) throw CommandError(ExitCode::kFailed, "no stream of writes runs; \\write start n1,n2 begins one");
    const std::uint64_t acknowledged = writer_->stop();
    const std::string error = writer_->error();
    writer_.reset();
    if (!error.empty()) throw CommandError(ExitCode::kFailed, "the stream of writes failed: " + error);
    variables_["acknowledged"] = std::to_string(acknowledged);
    print_check(console, true,
                "stopped writing: " + count_of(acknowledged, "write was", "writes were") + " acknowledged");
  } else {
    throw CommandError(ExitCode::kUsage, "\\write start n1,n2, \\write until 1000 or \\write stop");
  }
}

void DemoVerbs::converge(const Words& words, const Console& console) {
  const auto patience = words.size() > 1 ? duration_from(words[1]) : kConvergeMs;
  if (!patience || words.size() > 2)
    throw CommandError(ExitCode::kUsage, "\\converge, or with a time as in \\converge 30s");
  const DemoCluster::Convergence seen = cluster_.converge(milliseconds(*patience));
  const std::string expected = "expected all nodes to hold the same within " + duration_in_words(*patience) + ", saw ";
  if (!seen.reached) {
    print_check(console, false, expected + seen.sentence);
    throw CommandError(ExitCode::kTimeout,
                       "not converged after " + duration_in_words(seen.took_ms) + ": " + seen.sentence);
  }
  print_check(console, true, expected + "root " + short_root(seen.root) + " after " + duration_in_words(seen.took_ms) +
                                 " and " + bytes_in_words(seen.bytes) + " between nodes");
}

void DemoVerbs::fingerprints(const Console& console) {
  const ClusterView view = look_at_nodes(cluster_.running(), kPatience);
  std::set<std::string> roots;
  std::string shown;
  for (const NodeView& node : view.nodes) {
    const std::string root = node.status ? node.status->root : "unknown: " + node.error;
    roots.insert(root);
    shown += (shown.empty() ? "" : ", ") + node.name + " " + root;
  }
  const bool equal = roots.size() == 1 && view.nodes.front().status.has_value();
  print_check(console, equal, "expected equal fingerprints, saw " + shown);
  if (!equal) throw CommandError(ExitCode::kFailed, "the fingerprints differ: " + shown);
}

void DemoVerbs::status(const Console& console) {
  const auto running = cluster_.running();
  if (running.empty()) throw CommandError(ExitCode::kFailed, "no node is running; \\restart n1 starts one");
  CommandLine line;
  std::tie(line.settings.host, line.settings.port) = split_address(running.front().second, "");
  Context context{.console = console, .connections = cluster_.connections()};
  run_status(context, line);
}

}  // namespace kith::tools
