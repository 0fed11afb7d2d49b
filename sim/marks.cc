#include "sim/marks.h"

namespace kith::sim {

const std::vector<Mark>& required_marks() {
  static const std::vector<Mark> marks = {
      {"refused: retry_window_passed", "a stale retry was refused"},
      {"refused: tag_from_future", "a session whose time was ahead was refused"},
      {"refused: clock_fenced", "a node fenced itself because its clock ran ahead"},
      {"refused: full", "a write was refused because the disk was nearly full"},
      {"refused: not_joined", "somebody asked a node that did not belong yet"},
      {"refused: stopping", "somebody asked a node that was going down"},
      {"refused: damaged", "a write met a damaged row"},
      {"one delta merged three times", "a node was sent the same delta three times"},
      {"retried though perhaps answered", "a write was sent again, anywhere"},
      {"retried after a timeout", "a session lost patience and asked another node"},
      {"answered more than once", "one write was answered at two nodes"},
      {"answer lost", "an answer did not reach its session"},
      {"writes lost with their disk", "an acknowledged write had no other copy when its disk was destroyed"},
      {"disk lost", "a disk was destroyed"},
      {"disk rolled back", "a disk went back to an earlier day"},
      {"disks swapped", "two machines exchanged their disks"},
      {"machine cloned", "two machines ran with one identity"},
      {"bit flipped in a row", "a bit rotted on a disk"},
      {"stopped by itself", "a node stopped on an error of its disk, or was refused for good"},
      {"crash while a commit was under way, and it had reached the disk", "a crash between durability and its effects"},
      {"wrote in the future, alone: its disk was given up", "a mad clock nobody could contradict"},
      {"a core converged while others were still cut off or down", "liveness of a core was tried"},
      {"message lost", "by the weather"},
      {"message repeated", "it arrived twice"},
      {"message with a flipped bit", "on the way"},
      {"message stopped by a cut", "at either end"},
      {"message held up by a clog", "for a while"},
      {"queue of a link full", "what came on top was lost"},
      {"engine: push_gaps", "a push came without its predecessor"},
      {"engine: push_gaps_closed", "the predecessor came later, and the clock jumped"},
      {"engine: pulls_unanswered", "a question was given up"},
      {"engine: pulls_answered_late", "an answer came after its question was given up"},
      {"engine: pulls_cut_in_the_middle", "a pull in chunks broke off half way"},
      {"engine: dropped_unasked_rows", "an answer to a question that was not outstanding was dropped"},
      {"engine: dropped_earlier_life", "a message of an earlier life was refused"},
      {"engine: dropped_same_node_id", "a node heard of another one with its identity"},
      {"engine: dropped_skewed", "a peer with a clock ahead was not listened to"},
      {"engine: dropped_stranger", "a message of a node that nobody had introduced"},
      {"engine: dropped_checksum", "a flipped bit was found in a message"},
      {"engine: dropped_relayed_earlier_life", "a relayed push of an earlier life was refused"},
      {"engine: relayed_messages", "pushes went along the grid"},
      {"engine: rounds_members_differing", "two tables differed where clocks agreed"},
      {"engine: joins_welcomed", "a node was let in"},
      {"engine: joins_refused", "a node was not let in"},
      {"engine: rows_mended", "a damaged row was mended from a peer"},
      {"engine: members_called_dead", "failure detection took a member for dead, and it was asked less"},
      {"engine: members_back", "a member that was taken for dead was heard of again"},
  };
  return marks;
}

std::vector<Mark> missing_marks(const std::map<std::string, std::uint64_t>& reached) {
  std::vector<Mark> missing;
  for (const Mark& mark : required_marks()) {
    const auto at = reached.find(std::string(mark.name));
    if (at == reached.end() || at->second == 0) missing.push_back(mark);
  }
  return missing;
}

}  // namespace kith::sim
