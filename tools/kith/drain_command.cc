#include "tools/kith/drain_command.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <thread>

#include "node/client_error.h"
#include "node/view/leave_words.h"
#include "node/view/text.h"
#include "tools/kith/ask.h"

namespace kith::tools {
namespace {

constexpr std::chrono::milliseconds kLookEvery{250};
constexpr std::int64_t kWaitMs = 300'000;

const MemberRow* find(const NodeStatus& status, const std::string& name) {
  const auto named = [&](const MemberRow& member) { return member.name == name; };
  const auto there = std::find_if(status.members.begin(), status.members.end(), [&](const MemberRow& member) { return named(member) && !member.evicted; });
  if (there != status.members.end()) return &*there;
  const auto was = std::find_if(status.members.begin(), status.members.end(), named);
  return was == status.members.end() ? nullptr : &*was;
}

class Draining {
 public:
  Draining(Context& context, const CommandLine& line) : context_(context), line_(line) {}

  ExitCode run() {
    const NodeStatus asked = status_of(line_.settings.address());
    name_ = line_.arguments.empty() ? asked.name : line_.arguments.front();
    const MemberRow* member = find(asked, name_);
    if (member == nullptr && name_ != asked.name) throw CommandError(ExitCode::kNotFound, "there is no member '" + escaped(name_) + "': `kith nodes` lists them");
    if (member != nullptr && member->left) return has_left();
    if (member != nullptr && member->evicted) throw CommandError(ExitCode::kFailed, name_ + " was evicted, and is not back: it is out already");
    // SUBTLE: what a shell is connected to may be another node in a moment.
    address_ = name_ == asked.name && (member == nullptr || !context_.interactive) ? line_.settings.address() : member->client_address;
    for (const MemberRow& other : asked.members) {
      if (other.name != name_ && !other.evicted) others_.push_back(other.self ? line_.settings.address() : other.client_address);
    }
    say();
    if (!line_.cancel) return wait();
    if (line_.settings.json) context_.console.out << nlohmann::ordered_json{{"stays", name_}}.dump() << '\n';
    else context_.console.out << name_ << " stays in the cluster, and takes writes again\n";
    return ExitCode::kOk;
  }

 private:
  NodeStatus status_of(const std::string& address) {
    Request request;
    request.op = ClientOp::kStatus;
    return parse_node_status(ask_at(context_, address, line_.settings, request).document);
  }
  std::optional<NodeStatus> status_if_any(const std::string& address) {
    try {
      return status_of(address);
    } catch (const ClientError&) {
      return std::nullopt;
    }
  }

  void say() {
    Request request;
    request.op = ClientOp::kDrain;
    request.members = {name_};
    if (line_.cancel) request.text = "cancel";
    try {
      (void)ask_at(context_, address_, line_.settings, request);
    } catch (const ClientError& error) {
      if (error.kind() != ClientError::Kind::kConnect || name_.empty()) throw;
      throw CommandError(ExitCode::kCannotConnect, name_ + " cannot be reached at " + address_ + ": a node leaves by itself, while it runs. If it is gone for good, `kith evict " +
                                                       kith::quoted(name_) + "` goes on without it");
    }
  }

  ExitCode has_left() {
    if (line_.cancel) throw CommandError(ExitCode::kFailed, name_ + " has left already: started again on its directory it comes back");
    if (line_.settings.json) context_.console.out << nlohmann::ordered_json{{"left", name_}}.dump() << '\n';
    else context_.console.out << name_ << " has left the cluster: the others hold all that it had, and nobody waits for it any more\n";
    return ExitCode::kOk;
  }

  // What some other member says.
  const MemberRow* seen_elsewhere(std::optional<NodeStatus>& holder) {
    for (const std::string& address : others_) {
      holder = status_if_any(address);
      if (holder) return find(*holder, name_);
    }
    return nullptr;
  }

  ExitCode wait() {
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(line_.settings.timeout_given ? line_.settings.timeout_ms : kWaitMs);
    for (;;) {
      std::optional<NodeStatus> holder;
      const MemberRow* member = seen_elsewhere(holder);
      if (member != nullptr && member->left) return has_left();
      const std::optional<NodeStatus> own = status_if_any(address_);
      if (own && own->name == name_ && !own->leave.leaving && (member == nullptr || !member->left)) {
        // SUBTLE: it may have left between the two looks.
        if (const MemberRow* again = seen_elsewhere(holder); again != nullptr && again->left) return has_left();
        throw CommandError(ExitCode::kFailed, name_ + " stays in the cluster after all (its log says why)");
      }
      const std::string now = own ? leave_in_words(own->leave) : "does not answer";
      if (now != told_ && !line_.settings.json) context_.console.err << name_ << ' ' << now << '\n';
      told_ = now;
      if (std::chrono::steady_clock::now() >= until) {
        throw CommandError(ExitCode::kTimeout, name_ + " is on its way out, and " + now + ": it goes on by itself, see `kith status`; `kith drain " + kith::quoted(name_) +
                                                   " --cancel` has it stay");
      }
      std::this_thread::sleep_for(kLookEvery);
    }
  }

  Context& context_;
  const CommandLine& line_;
  std::string name_, address_, told_;
  std::vector<std::string> others_;
};

}  // namespace

ExitCode run_drain(Context& context, const CommandLine& line) { return Draining(context, line).run(); }

}  // namespace kith::tools
