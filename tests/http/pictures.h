// tests/http/pictures.h -- pictures of clusters that were never there.
#pragma once

#include <string>

#include "node/http/picture.h"

namespace kith {

inline const SteadyTime kThen = SteadyTime{} + std::chrono::hours(1);

inline SeenNode seen_node(const std::string& name, const std::string& root, const std::vector<std::string>& others) {
  SeenNode out;
  out.name = name;
  out.address = name + ":8765";
  out.told_at = kThen;
  out.lag_ms = 0;
  NodeStatus status;
  status.name = name;
  status.root = root;
  status.joined = true;
  status.cluster_id = "1";
  status.document = R"({"members":[{"name":")" + name + R"("}]})";
  for (const std::string& other : others) {
    MemberRow member;
    member.name = other;
    member.self = other == name;
    member.peer_address = other + ":8766";
    member.heard_ms_ago = 700;
    status.members.push_back(member);
  }
  out.status = std::move(status);
  return out;
}

inline Picture picture_of(std::vector<SeenNode> nodes) {
  Picture out;
  out.number = 1;
  out.self = nodes.front().name;
  out.taken_at = kThen;
  out.taken_wall_ms = 1'700'000'000'000;
  out.nodes = std::move(nodes);
  out.verdict = judge(out.view());
  out.verdict_since_wall_ms = out.taken_wall_ms;
  return out;
}

inline Picture three_equal() {
  const std::vector<std::string> names = {"n1", "n2", "n3"};
  return picture_of({seen_node("n1", "aa", names), seen_node("n2", "aa", names), seen_node("n3", "aa", names)});
}

}  // namespace kith
