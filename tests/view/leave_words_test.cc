#include "node/view/leave_words.h"

#include <doctest/doctest.h>

#include "node/view/cluster_view.h"
#include "node/view/liveness_words.h"
#include "node/view/node_state.h"

namespace kith {
namespace {

TEST_CASE("leaving: what a node on its way out waits for") {
  LeaveRow leave;
  leave.leaving = true;
  CHECK(leave_in_words(leave) == "hands over what it has");
  leave.lacking = {"n2"};
  CHECK(leave_in_words(leave) == "waits until n2 holds all that it has");
  leave.lacking = {"n2", "n3"};
  leave.away = {"n3"};
  CHECK(leave_in_words(leave) == "waits until n2 and n3 hold all that it has; n3 is away");
  leave.catches_up = true;
  CHECK(leave_in_words(leave) == "has not all there is itself yet; n3 is away");
  leave = {};
  leave.handed_over = true;
  CHECK(leave_in_words(leave) == "has handed over, and waits until all others have agreed");
}

TEST_CASE("leaving: status says of the asked node what to do, and of the others that they are on their way out") {
  NodeStatus status;
  status.name = "n1";
  CHECK(leaving_in_words(status).empty());
  status.leave.leaving = true;
  status.leave.lacking = status.leave.away = {"n3"};
  status.members.resize(3);
  status.members[0].name = "n1", status.members[0].self = status.members[0].leaving = true;
  status.members[1].name = "n2", status.members[1].leaving = true;
  status.members[2].name = "n3";
  CHECK(leaving_in_words(status) ==
        std::vector<std::string>{"n1 is leaving the cluster for good, and takes no writes: it waits until n3 holds all that it has; n3 is away. Nobody leaves "
                                 "without their word: start it, or put it out (`kith evict`); `kith drain --cancel` has n1 stay",
                                 "n2 is leaving the cluster for good, and takes no writes"});
}

TEST_CASE("leaving: a member on its way out is shown so, whatever else is believed of it") {
  MemberRow member;
  member.name = "n2";
  member.leaving = true;
  CHECK(liveness_in_words(member) == "leaving");
  member.liveness = "alive", member.liveness_ms = 5000;
  CHECK(liveness_in_words(member) == "leaving");
  member.liveness = "dead";
  CHECK(liveness_in_words(member) == "leaving, dead for 5.0 s");
  NodeView view;
  view.status.emplace();
  view.status->joined = true;
  view.status->leave.leaving = true;
  CHECK(state_of(view).text == "leaving: hands over what it has");
}

TEST_CASE("leaving: a node's status is read back, and one of a version that does not know of it stays") {
  const NodeStatus leaves = parse_node_status(
      R"({"node":{"name":"n1"},"leaving":{"since":{"hlc":"0000000000000001"},"catches_up":false,"handed_over":true,"lacking":[],"away":["n2"]},)"
      R"("members":[{"name":"n2","leaving":true,"left":false},{"name":"n3","evicted":true,"left":true}]})");
  CHECK(leaves.leave.leaving);
  CHECK(leaves.leave.handed_over);
  CHECK(leaves.leave.away == std::vector<std::string>{"n2"});
  REQUIRE(leaves.members.size() == 2);
  CHECK(leaves.members[0].leaving);
  CHECK(leaves.members[1].left);
  const NodeStatus stays = parse_node_status(R"({"node":{"name":"n1"},"leaving":null,"members":[{"name":"n2"}]})");
  CHECK_FALSE(stays.leave.leaving);
  CHECK_FALSE(stays.members[0].leaving);
}

}  // namespace
}  // namespace kith
