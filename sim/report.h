// sim/report.h -- a run for people: a page, figures, a picture.
//
// All three are functions of the recording alone: equal recordings give equal bytes.  Nothing in them refers to
// anything outside.  Their size does not grow with the length of the run, only with its number of spans, and is below
// 3 MB for 1,000 nodes and 100,000 writes; making them takes time linear in writes times nodes, and eight bytes of
// memory for each.  How to read the page, and the keys of the figures: docs/SIMULATION.md.  Tests: tests/sim/report_test.cc
#pragma once

#include <string>

#include "sim/recording.h"

namespace kith::sim {

std::string report_html(const Recording& recording);  // One page, with its drawings in it, complete without scripts.
std::string report_json(const Recording& recording);  // The figures.
// Share of nodes that have each write, with the faults above: a file of its own.
std::string report_svg(const Recording& recording);

}  // namespace kith::sim
