// gossip/role.h -- what a member is for: to keep the data, or to copy it and answer reads.
//
//     replica     takes writes, is waited for and counted
//     observer    copies everything, answers reads, refuses writes, and counts for nothing
//
// It is chosen when a data directory is first used, kept in it, and told in the member's record (gossip/member_table.h): the role of a
// node id never changes.  So that others may go by it in what decides about data.
//
// RULE. An observer commits nothing but its own record, and that under an origin that is in no clock and in no table of lives.  So there
// is nothing of it that anybody could lack, wait for, close or retire; floors and horizons are those of the replicas.
// RULE. From an observer nobody takes anything but its own record (gossip/follow.h): nothing that it says, holds, or has lost changes what a
// replica holds or believes to hold.  What it alone had of somebody's it gives up.
// RULE. It settles what replicas have settled: its horizon is that of one which it has got in step with.
// Who is not known to be an observer counts as a replica; its record comes before anything else of it is listened to, and says so.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace kith {

enum class Role : std::uint8_t { kReplica = 0, kObserver = 1 };

constexpr std::string_view to_string(Role role) { return role == Role::kObserver ? "observer" : "replica"; }

constexpr std::optional<Role> parse_role(std::string_view text) {
  if (text == "replica") return Role::kReplica;
  if (text == "observer") return Role::kObserver;
  return std::nullopt;
}

}  // namespace kith
