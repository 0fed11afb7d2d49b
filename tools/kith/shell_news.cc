#include "tools/kith/shell_news.h"

#include <algorithm>

namespace kith::tools {
namespace {

// Long enough to find another node: only what lasts is worth a line.
constexpr std::chrono::milliseconds kLost{1500};

std::string warnings_of(const Roster& roster) {
  std::string out;
  for (const std::string& warning : roster.warnings()) out += "WARNING: " + warning + "\n";
  return out;
}

}  // namespace

std::string ShellNews::connected_as(const std::string& word) {
  moves_ = client_.moves();
  address_ = client_.address();
  roster_ = client_.roster();
  told_lost_ = false;
  lost_at_.reset();
  std::string out = word + " to Kith cluster " + roster_.name + " at " + client_.address() + "\nKnown nodes:\n";
  for (const Roster::Member& member : roster_.members) {
    if (member.living) out += member.client_address + "\n";
  }
  return out + warnings_of(roster_);
}

std::string ShellNews::greeting() { return connected_as("Connected"); }

std::string ShellNews::changes(const Roster& now) const {
  std::string out;
  for (const Roster::Member& member : now.members) {
    const Roster::Member* before = roster_.find(member.id);
    const std::string which = member.name + " at " + member.client_address;
    if (before == nullptr && member.living) out += "Node " + which + " joined\n";
    if (before != nullptr && before->living && !member.living) out += "Node " + which + " is not heard of any more\n";
    if (before != nullptr && !before->living && member.living) out += "Node " + which + " is back\n";
  }
  for (const Roster::Member& member : roster_.members) {
    if (now.find(member.id) == nullptr) out += "Node " + member.name + " left the cluster\n";
  }
  if (now.warnings() != roster_.warnings()) out += warnings_of(now);
  return out;
}

std::string ShellNews::since() {
  if (client_.moves() != moves_) return connected_as("Reconnected");
  if (client_.address() != address_) return connected_as("Connected");
  if (!client_.connected()) {
    const auto now = std::chrono::steady_clock::now();
    if (!lost_at_) lost_at_ = now;
    if (told_lost_ || now - *lost_at_ < kLost) return "";
    told_lost_ = true;
    return "The connection to Kith cluster " + roster_.name + " is lost, no known node answers\n";
  }
  const Roster now = client_.roster();
  if (now == roster_) return "";
  std::string out = changes(now);
  roster_ = now;
  return out;
}

}  // namespace kith::tools
