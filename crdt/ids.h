// crdt/ids.h -- 64-bit identities that cannot be swapped for one another by accident.
//
// All are drawn at random; zero means "none" and is never issued.  Plain values.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace kith {

template <class Kind>
struct Id {
  std::uint64_t value = 0;

  constexpr explicit operator bool() const { return value != 0; }
  friend constexpr auto operator<=>(const Id&, const Id&) = default;
};

using NodeId = Id<struct NodeIdKind>;        // One data directory, for as long as it exists.
using OriginId = Id<struct OriginIdKind>;    // One life of a node: drawn anew at every start.
using ActorId = Id<struct ActorIdKind>;      // Who minted a tag: a client session, or an origin.
using ClusterId = Id<struct ClusterIdKind>;

// The actor of an operation that came without a tag: the origin that coordinated it.
constexpr ActorId actor_of(OriginId origin) { return ActorId{origin.value}; }

// A slice of the keyspace.  Data lives in [0, shard count); the member table in kSystemShard, on every node.
using ShardId = std::uint16_t;
inline constexpr ShardId kSystemShard = 0xffff;

}  // namespace kith

template <class Kind>
struct std::hash<kith::Id<Kind>> {
  std::size_t operator()(const kith::Id<Kind>& id) const noexcept { return static_cast<std::size_t>(id.value); }
};
