// sim/report_charts.h -- the drawings of the report, each as a complete <svg> of a given look.
//
// Every one of them is whole for a run without nodes, writes, samples or faults, where the page says so in words
// instead. Tests: tests/sim/report_test.cc
#pragma once

#include <string>
#include <string_view>

#include "sim/digest.h"
#include "sim/recording.h"
#include "sim/report_frame.h"

namespace kith::sim {

// ---- sim/report_charts_writes
// Share of nodes that have the writes made at each moment, some ages later.  With a heading it stands alone, as a file.
std::string share_chart(const Recording& recording, const Digest& digest, const Look& look,
                        std::string_view heading = {}, std::string_view subheading = {});
std::string under_way_chart(const Recording& recording, const Digest& digest, const Look& look);
std::string lag_chart(const Recording& recording, const Digest& digest, const Look& look);

// ---- sim/report_charts_faults
std::string lanes_chart(const Recording& recording, const Digest& digest, const Look& look);

// ---- sim/report_charts_samples
enum class NodeFigure { kBytes, kMessages, kStore };
std::string node_figure_chart(const Recording& recording, const Digest& digest, const Look& look, NodeFigure figure);
std::string total_chart(const Recording& recording, const Digest& digest, const Look& look);
std::string contents_chart(const Recording& recording, const Digest& digest, const Look& look);
std::string bucket_chart(const Recording& recording, const Digest& digest, const Look& look);
// Rows and removal records of the node that has most, against what was made in one window.
std::string garbage_chart(const Recording& recording, const Digest& digest, const Look& look);
std::string outcome_chart(const Recording& recording, const Digest& digest, const Look& look);

}  // namespace kith::sim
