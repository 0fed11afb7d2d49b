// sim/event.h -- one thing that happens to a simulated cluster, and how it is said in words.
//
//     event  := "at" duration action                      at 10s cut [n1] from [n2 n3]
//     duration := number unit                             us ms s min h d; also signed, where an action says so
//     nodes  := "[" name+ "]" | name                      names of nodes, of groups of the scenario, or "all"
//     name, member, key, value := word | quoted           sim/spelling.h; "# ..." at the end is a comment
//
//     links     cut NODES from NODES          nothing gets through, either way
//               cut NODES to NODES            nothing gets through this way; the other way it does
//               split NODES NODES ...         each group sees only itself
//               split NODES NODES ... bridged by NODES      and those in the last see all
//               swizzle NODES over DURATION   cuts their links one by one, heals them in another order
//               heal                          all cuts and clogs
//               heal NODES and NODES          those between the two
//               clog NODES to NODES           what is sent waits until it is unclogged, as far as the queue goes
//               unclog                        all of them
//               weather [delay DURATION] [jitter DURATION] [loss PERCENT] [repeat PERCENT] [flip PERCENT]
//                                             of all links; what is not named stays; flip: share of messages with a bit turned
//     machines  crash NODES                   at once; what is not durable is forgotten
//               stop NODES                    in good order: the node tells its peers first
//               start NODES                   those that are down
//               restart NODES                 crash and start
//               pause NODES, resume NODES     the process stands still; its inputs wait
//               join NAME through NODES       a new machine with an empty disk
//               leave NODES                   stop, for good
//               drain NODES                   an operator has each leave the cluster; once it is out its machine is gone for good
//               drain NODES for now           the same, and whoever starts it again has it back
//               stay NODES                    those that were told to leave, and have not, stay after all
//               evict NODES at NODE           an operator asks the node for it; more than half have to agree
//               recover NODE without NODES    the same, though less than half are left
//     disks     lose disk of NODES            the machine is down when it is; an empty one takes its place
//               back up NODES                 a copy of the disk, kept aside
//               restore NODES                 the disk becomes its last copy; crashed first when it runs
//               swap disks of NODES           of two, in this order; both are crashed first
//               clone NODE as NAME            a second machine starts from a copy of the disk
//               fill disk of NODES, free disk of NODES
//               fail sync of NODES            of the commit that comes next: the node stops
//               syncs of NODES take DURATION  on average
//               flip a bit on NODES           of some row on disk
//     clocks    step clock of NODES by DURATION (signed)
//               drift clock of NODES by NUMBER ppm (signed)
//               freeze clock of NODES
//               right clock of NODES          as the world's, going on
//     clients   SESSION adds MEMBER ... to KEY at NODE [with N|all] [as #LABEL]      SESSION "nobody": without a tag
//               SESSION removes MEMBER ... from KEY at NODE [with N|all] [as #LABEL]
//               SESSION sets KEY to VALUE [for DURATION] at NODE [with N|all] [as #LABEL]      for: it expires then
//               SESSION deletes KEY at NODE [with N|all] [as #LABEL]
//               SESSION sets FIELD of KEY to VALUE [for DURATION] at NODE [with N|all] [as #LABEL]
//               SESSION deletes FIELD of KEY at NODE [with N|all] [as #LABEL]
//               SESSION expires KEY in DURATION at NODE [with N|all] [as #LABEL]
//               SESSION expires FIELD of KEY in DURATION at NODE [with N|all] [as #LABEL]
//               SESSION persists KEY at NODE [with N|all] [as #LABEL]      it does not expire any more
//               SESSION persists FIELD of KEY at NODE [with N|all] [as #LABEL]
//               SESSION increments KEY by AMOUNT at NODE [with N|all] [as #LABEL]      a counter; signed, not 0
//               retry #LABEL at NODE          the same tag, again
//               SESSION reads KEY at NODE     whatever there is; what it gets must be true
//               SESSION vanishes              answers no longer reach it, it retries nothing
//     claims    expect KEY = VALUE at NODES               of the register; what has expired there is not there
//               expect KEY is missing at NODES            no register, set, hash or counter of that name
//               expect KEY has { MEMBER ... } at NODES    of the set, exactly these
//               expect FIELD of KEY = VALUE at NODES      of the hash
//               expect KEY counts AMOUNT at NODES         of the counter
//               expect KEY keeps AMOUNT records at NODES  rows of it that have something to collect, now or later
//               expect evicted NODES at NODES             these are out of the cluster, as those know, and nobody else is
//               expect nobody evicted at NODES
//               expect left NODES at NODES                of those that are out, these had asked for it
//               expect dead NODES at NODES                these do those believe dead, and nobody else (engine.probe_every)
//               expect nobody dead at NODES
//               expect #LABEL is ok|stored|refused|unanswered [REASON]     REASON: retry_window_passed, clock_fenced, ...
//               expect convergence within DURATION        all nodes that are up and not cut off from the first of them
//
// A plain value.  Words to event and back: parse_event(to_words(e)) == e.  Tests: tests/sim/event_test.cc
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kith::sim {

enum class Action : std::uint8_t {
  kCut, kCutOneWay, kSplit, kSwizzle, kHeal, kHealBetween, kClog, kUnclog, kWeather,
  kCrash, kStop, kStart, kRestart, kPause, kResume, kJoin, kLeave, kDrain, kDrainForNow, kStay, kEvict, kRecover,
  kLoseDisk, kBackUp, kRestore, kSwapDisks, kClone, kFillDisk, kFreeDisk, kFailSync, kSyncTime, kFlipBit,
  kStepClock, kDriftClock, kFreezeClock, kRightClock,
  kAdd, kRemove, kSet, kDelete, kSetField, kDeleteField, kExpire, kExpireField, kPersist, kPersistField, kIncrement, kRetry, kRead, kVanish,
  kExpectValue, kExpectMissing, kExpectMembers, kExpectField, kExpectCount, kExpectRecords, kExpectEvicted, kExpectNobodyEvicted, kExpectLeft, kExpectDead, kExpectNobodyDead,
  kExpectReply, kExpectConvergence,
};

// What `weather` names; the rest stays as it is.  Shares from 0 to 1.
struct Weather {
  std::optional<std::int64_t> delay_us;
  std::optional<std::int64_t> jitter_us;
  std::optional<double> loss, repeat, flip;
  friend bool operator==(const Weather&, const Weather&) = default;
};

// Which members are used follows from `action`, as the grammar above says; the others are as constructed.
struct Event {
  std::int64_t at_us = 0;                         // Since the beginning of the run.
  Action action = Action::kHeal;
  std::vector<std::vector<std::string>> groups;   // NODES, in their order; of a client's action: {{NODE}}.
  bool bridged = false;                           // kSplit: the last group sees all.
  std::string name;                               // kJoin, kClone: of the new machine.
  std::int64_t amount = 0;                        // kSwizzle, kSyncTime, kStepClock, kExpectConvergence: us; kDriftClock: ppm;
                                                  // kIncrement, kExpectCount, kExpectRecords.
  std::int64_t lasts_us = 0;                      // kSet, kSetField: 0 for ever; kExpire, kExpireField: above 0.
  Weather weather;                                // kWeather.
  std::string session;                            // Of a client's action; empty: "nobody".
  std::string key;
  std::vector<std::string> members;               // Elements; of a hash: the one field.
  std::string value;                              // kSet, kSetField, kExpectValue, kExpectField; kExpectReply: REASON.
  std::uint32_t replicas = 1;                     // "with": kAllReplicas of gossip/operation.h for all.
  std::string label;                              // Without '#'; empty: none.
  std::string outcome;                            // kExpectReply: ok, stored, refused or unanswered.

  friend bool operator==(const Event&, const Event&) = default;
};

bool is_client_action(Action action);  // A write, retry, read or vanishing.
bool is_write(Action action);          // kAdd .. kIncrement.
bool is_claim(Action action);

// "at 12.5s cut [n1] from [n2 n3]".  Names and values are quoted when they are not plain words ("a b").
std::string to_words(const Event& event);

// Nothing when it is not understood; then `problem` says, for people, what was expected where.
[[nodiscard]] std::optional<Event> parse_event(std::string_view words, std::string& problem);

// "1.5s", "250ms", "10us", "7d"; the shortest exact form.  Signed when `with_sign`.
std::string to_words_duration(std::int64_t us, bool with_sign = false);
[[nodiscard]] std::optional<std::int64_t> parse_duration(std::string_view words);

}  // namespace kith::sim
