// node/view/lacking.h -- who lacks how many cells of whom: the question (client op "missing") and what is answered.
//
//     const LackingQuestion question(view);               of all nodes that answer, by what they said of themselves
//     ... ask(node, question.request()) ...               each of them the same
//     question.counts(node, reply.document)               what the others lack of that node
//
// One clock for all that hold the same; of more than kClocksMax that differ the first are asked for, and of the others nothing
// is known.  Where all roots are equal there is nothing to ask.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "node/view/cluster_view.h"

namespace kith {

struct LackCount {
  std::uint64_t cells = 0;
  bool complete = true;  // Else at least so many.
};

class LackingQuestion {
 public:
  // REQUIRES: nodes that answer have their shards where roots differ, as look_at_cluster() leaves them.
  explicit LackingQuestion(const ClusterView& view);

  bool needed() const { return clock_of_.size() > 1; }
  const Request& request() const { return request_; }

  // By name of who lacks them, of those whose root is another one than the holder's.  Throws ClientError(kProtocol).
  std::map<std::string, LackCount> counts(const NodeView& holder, std::string_view document) const;

 private:
  Request request_;
  std::map<std::string, std::size_t> clock_of_;    // By root.
  std::map<std::string, std::string> root_of_;     // By name.
};

// Whether `from` cuts its link to the member `to`, on purpose (node/faults.h).
bool cuts_link(const NodeStatus& from, const std::string& to);

}  // namespace kith
