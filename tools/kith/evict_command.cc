#include "tools/kith/evict_command.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <ostream>
#include <thread>

#include "node/view/cluster_view.h"
#include "node/view/text.h"
#include "tools/kith/ask.h"

namespace kith::tools {
namespace {

constexpr std::chrono::milliseconds kLookEvery{250};
constexpr std::int64_t kWaitMs = 90'000;
constexpr std::int64_t kSilentMs = 15'000;

NodeStatus status_of(Context& context, const CommandLine& line) {
  Request request;
  request.op = ClientOp::kStatus;
  return parse_node_status(ask(context, line.settings, request).document);
}

const MemberRow* find(const NodeStatus& status, const std::string& name) {
  const auto found = std::find_if(status.members.begin(), status.members.end(), [&](const MemberRow& it) { return it.name == name && !it.evicted; });
  return found == status.members.end() ? nullptr : &*found;
}

std::string what_is_given_up(const NodeStatus& status, const MemberRow& member) {
  if (member.observer) {
    return member.name + " is an observer: all that it shows others hold, so nothing is given up, and nobody has to agree. Should it be started again, it is let in again, "
                         "and copies what it missed";
  }
  std::string out = member.name + ": ";
  if (member.heard_ms_ago < 0) out += status.name + " has not heard of it since it was started itself. ";
  else out += "last heard of " + duration_in_words(member.heard_ms_ago) + " ago. ";
  if (member.floor) {
    out += "What it took in before " + utc_clock(member.floor.ms(), status.now_ms) + ", and what else any of the others has of it, stays. ";
  }
  return out + "What it has taken in alone is missing until it returns: it does that again then, and lists it. If its disk is lost, that is lost";
}

std::vector<std::string> who(const CommandLine& line, const NodeStatus& status, bool recover) {
  std::vector<std::string> out = line.arguments;
  if (!out.empty() || !recover) return out;
  for (const MemberRow& member : status.members) {
    if (!member.self && !member.evicted && (member.heard_ms_ago < 0 || member.heard_ms_ago >= kSilentMs)) out.push_back(member.name);
  }
  if (out.empty()) {
    throw CommandError(ExitCode::kUsage, status.name + " hears of all members: there is nothing to recover from. To go on without some of them: kith evict NODE");
  }
  return out;
}

// No member is left that has all there is, though enough are there.
ExitCode go_on_with_what_is_left(Context& context, const CommandLine& line, const NodeStatus& before) {
  context.console.err << before.name << " goes on with what it has; the other members compare their data with it, and what they have and it has not is kept. "
                         "What was removed may be there again where only disks that are gone remembered that.\n";
  if (!line.yes) throw CommandError(ExitCode::kUsage, "nothing was done: say --yes if that is what you want");
  Request request;
  request.op = ClientOp::kRecover;
  check_answered(ask(context, line.settings, request));
  if (line.settings.json) context.console.out << nlohmann::ordered_json{{"recovered", before.name}}.dump() << '\n';
  else context.console.out << before.name << " goes on with what it has\n";
  return ExitCode::kOk;
}

ExitCode put_out(Context& context, const CommandLine& line, bool recover) {
  const NodeStatus before = status_of(context, line);
  if (recover && line.arguments.empty() && before.garbage.nobody_in_good_standing) return go_on_with_what_is_left(context, line, before);
  const std::vector<std::string> names = who(line, before, recover);
  std::size_t members = 0;
  for (const MemberRow& member : before.members) members += member.evicted || member.observer ? 0 : 1;
  std::size_t going = 0;
  for (const std::string& name : names) {
    const MemberRow* member = find(before, name);
    if (member == nullptr) throw CommandError(ExitCode::kNotFound, "there is no member '" + escaped(name) + "': `kith nodes` lists them");
    context.console.err << what_is_given_up(before, *member) << ".\n";
    going += member->observer ? 0 : 1;
  }
  const std::size_t left = members > going ? members - going : 0;
  if (recover && 2 * left <= members) {
    context.console.err << "Only " << left << " of " << members
                        << " would be left, less than have to agree: if the others are alive and go on elsewhere, the two sides are two clusters from now on, "
                           "and what they take in is not joined again without loss.\n";
  }
  if (!line.yes) throw CommandError(ExitCode::kUsage, "nothing was done: say --yes if that is what you want");

  Request request;
  request.op = recover ? ClientOp::kRecover : ClientOp::kEvict;
  request.members = names;
  check_answered(ask(context, line.settings, request));
  const auto began = std::chrono::steady_clock::now();
  const auto until = began + std::chrono::milliseconds(line.settings.timeout_given ? line.settings.timeout_ms : kWaitMs);
  for (;;) {
    const NodeStatus status = status_of(context, line);
    if (std::none_of(names.begin(), names.end(), [&](const auto& name) { return find(status, name) != nullptr; })) {
      if (line.settings.json) context.console.out << nlohmann::ordered_json{{"evicted", names}}.dump() << '\n';
      else context.console.out << listed(names) << (names.size() == 1 ? " is" : " are") << " out of the cluster; nobody waits for " << (names.size() == 1 ? "it" : "them") << " any more\n";
      return ExitCode::kOk;
    }
    if (status.garbage.evicting.empty()) {
      throw CommandError(ExitCode::kFailed, "it was given up, and nothing has changed: not every member left over agreed in time (the log of " + status.name +
                                                " says which). Name all that are gone in one command, or start those that are down");
    }
    if (std::chrono::steady_clock::now() >= until) {
      throw CommandError(ExitCode::kTimeout, std::string("it is ") + (status.garbage.eviction_agreed ? "agreed, and waits until " : "under way, and waits for the votes of ") +
                                                 listed(status.garbage.eviction_waits_for) + (status.garbage.eviction_agreed ? " have been caught up with" : "") +
                                                 ": it goes on by itself, see `kith status`");
    }
    std::this_thread::sleep_for(kLookEvery);
  }
}

}  // namespace

ExitCode run_evict(Context& context, const CommandLine& line) { return put_out(context, line, false); }
ExitCode run_recover(Context& context, const CommandLine& line) { return put_out(context, line, true); }

}  // namespace kith::tools
