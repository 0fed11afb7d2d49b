#include "sim/report_style.h"

#include <array>

namespace kith::sim {

std::string_view drawing_style() {
  return R"css(
:root{color-scheme:light dark;--paper:#ffffff;--ink:#1c2126;--soft:#57606a;--grid:#e6e9ec;--axis:#8c959f;
--blue:#0067a5;--red:#c04a00;--green:#00785a;--pink:#a8447f;--gold:#9a6a00;--sky:#2f86bd;--grey:#6b7278;
--a0:#00467a;--a1:#2f7fb8;--a2:#84b9de;--a3:#cfe3f3;--v1:#8fc1e3;--v2:#2f7fb8;--v3:#003a66;--good:#00694f;--bad:#b03a00}
@media (prefers-color-scheme:dark){:root{--paper:#14181d;--ink:#e8ebee;--soft:#a3adb8;--grid:#2a3138;--axis:#68727d;
--blue:#5eb3ec;--red:#ff8a45;--green:#3fc79c;--pink:#e69cc4;--gold:#e8b23c;--sky:#9ad3f7;--grey:#a7b0b8;
--a0:#9fd4fb;--a1:#4a9bd8;--a2:#28618f;--a3:#1b3a54;--v1:#27608f;--v2:#4fa3de;--v3:#d6edff;--good:#3fc79c;--bad:#ff9a5c}
}
svg text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;font-size:12px;fill:var(--ink)}
svg .ground{fill:var(--paper)}
svg .heading{font-size:16px;font-weight:600}
svg .tick,svg .soft{fill:var(--soft)}
svg .unit{font-weight:600}
svg .value{font-variant-numeric:tabular-nums}
svg .halo{stroke:var(--paper);stroke-width:3;paint-order:stroke;stroke-linejoin:round}
svg .grid{stroke:var(--grid);stroke-width:1}
svg .axis{stroke:var(--axis);stroke-width:1}
svg .guide{stroke:var(--ink);stroke-width:1;stroke-dasharray:2 3}
svg .lane{fill:var(--grid);fill-opacity:.45}
svg .line{fill:none;stroke-width:1.6;stroke-linejoin:round}
svg .strong{stroke-width:2.4}
svg .a0{fill:var(--a0)}svg .a1{fill:var(--a1)}svg .a2{fill:var(--a2)}svg .a3{fill:var(--a3)}
svg .k-cut{fill:var(--red)}svg .k-down{fill:var(--grey)}svg .k-paused{fill:var(--pink)}
svg .k-clock{fill:var(--blue)}svg .k-disk{fill:var(--gold)}svg .k-weather{fill:var(--green)}
svg .h-cut{fill:url(#hatch-cut)}svg .h-down{fill:url(#hatch-down)}svg .h-paused{fill:url(#hatch-paused)}
svg .h-clock{fill:url(#hatch-clock)}svg .h-disk{fill:url(#hatch-disk)}svg .h-weather{fill:url(#hatch-weather)}
svg .s0{stroke:var(--blue)}svg .s1{stroke:var(--red)}svg .s2{stroke:var(--green)}svg .s3{stroke:var(--pink)}
svg .s4{stroke:var(--gold)}svg .s5{stroke:var(--grey)}
svg .d1{stroke-dasharray:6 3}svg .d2{stroke-dasharray:2 2.5}
svg .band{fill:var(--a2);fill-opacity:.55}
svg .dot0{fill:var(--blue)}svg .dot1{fill:var(--red)}svg .dot2{fill:var(--green)}
svg .happening{stroke:var(--ink);stroke-width:1.2}
svg .v1{stroke:var(--v1)}svg .v2{stroke:var(--v2)}svg .v3{stroke:var(--v3)}
svg .heat{fill:none;shape-rendering:crispEdges}
svg .fv1{fill:var(--v1)}svg .fv2{fill:var(--v2)}svg .fv3{fill:var(--v3)}
svg .frame{fill:none;stroke:var(--grid)}
svg .bar{fill:var(--a1)}
svg .b-cut{fill:var(--red);stroke:var(--red)}svg .b-down{fill:var(--grey);stroke:var(--grey)}
svg .b-paused{fill:var(--pink);stroke:var(--pink)}svg .b-clock{fill:var(--blue);stroke:var(--blue)}
svg .b-disk{fill:var(--gold);stroke:var(--gold)}svg .b-weather{fill:var(--green);stroke:var(--green)}
svg .b-cut,svg .b-paused,svg .b-clock,svg .b-disk,svg .b-weather{fill-opacity:.16}svg .b-down{fill-opacity:.45}
svg .hatch{stroke-width:1.4;stroke-opacity:.55;fill:none}svg .hatch.k-cut{stroke:var(--red)}
svg .hatch.k-paused{stroke:var(--pink)}svg .hatch.k-clock{stroke:var(--blue)}svg .hatch.k-weather{stroke:var(--green)}
svg .bare{stroke:none}svg .crisp{shape-rendering:crispEdges}
)css";
}

std::string_view page_style() {
  return R"css(
*{box-sizing:border-box}
html{background:var(--paper)}
body{margin:0 auto;max-width:1000px;padding:28px 24px 60px;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;overflow-wrap:anywhere}
h1{font-size:26px;line-height:1.25;margin:0 0 4px}
h2{font-size:18px;margin:0 0 2px}
h3{font-size:15px;margin:18px 0 4px}
p{margin:6px 0;max-width:76ch}
.about{color:var(--soft)}
.verdict{margin:20px 0;padding:14px 18px;border-left:6px solid var(--axis);
background:color-mix(in srgb,var(--grid) 55%,transparent);
border-radius:0 8px 8px 0}
.verdict strong{display:block;font-size:20px;line-height:1.35}
.verdict.good{border-color:var(--good)}.verdict.bad{border-color:var(--bad)}
.verdict .sign{font-weight:700;margin-right:.4em}.verdict.good .sign{color:var(--good)}
.verdict.bad .sign{color:var(--bad)}
.verdict ul{margin:8px 0 0;padding-left:20px}
dl.figures{display:grid;grid-template-columns:repeat(6,1fr);gap:12px;margin:20px 0 8px}
dl.figures div{border:1px solid var(--grid);border-radius:8px;padding:10px 12px}
dl.figures dt{color:var(--soft);font-size:13px;line-height:1.3}
dl.figures dd{margin:2px 0 0;font-size:20px;font-weight:600;line-height:1.25;font-variant-numeric:tabular-nums}
dl.figures dd small{display:block;font-size:12.5px;font-weight:400;color:var(--soft)}
figure{margin:40px 0 0;padding:0}
figure svg{display:block;width:100%;height:auto;margin-top:8px}
figcaption{color:var(--soft);font-size:13.5px;max-width:82ch;margin-top:6px}
.narrow{display:none}
@media (max-width:980px){dl.figures{grid-template-columns:repeat(3,1fr)}}
@media (max-width:640px){body{padding:18px 14px 40px}.wide{display:none}.narrow{display:block}h1{font-size:22px}
.verdict strong{font-size:17px}dl.figures{grid-template-columns:1fr 1fr}}
.table{overflow-x:auto;margin-top:8px}
table{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums}
th,td{padding:4px 14px 4px 0;text-align:right;vertical-align:top;border-bottom:1px solid var(--grid);
overflow-wrap:normal}
th:first-child,td:first-child,th.words,td.words{text-align:left}
td.words{min-width:13em;overflow-wrap:anywhere}
th{color:var(--soft);font-weight:600}
tr.sum td{font-weight:600;border-bottom:0}
td.when{white-space:nowrap}
@media (max-width:640px){table{font-size:12.5px}th,td{padding-right:9px}.minor{display:none}td.words{min-width:8em}}
summary{cursor:pointer;margin-top:10px;color:var(--soft)}
.none{color:var(--soft);font-style:italic}
footer{margin-top:48px;color:var(--soft);font-size:13px}
.defs{position:absolute;width:0;height:0}
)css";
}

std::string_view hatches() {
  return R"svg(<defs>
<pattern id="hatch-cut" width="7" height="7" patternUnits="userSpaceOnUse">
<path class="hatch k-cut" d="M-1 8L8 -1"/></pattern>
<pattern id="hatch-down" width="4" height="4" patternUnits="userSpaceOnUse"/>
<pattern id="hatch-paused" width="6" height="6" patternUnits="userSpaceOnUse">
<path class="hatch k-paused" d="M3 0V6"/></pattern>
<pattern id="hatch-clock" width="7" height="7" patternUnits="userSpaceOnUse">
<path class="hatch k-clock" d="M-1 -1L8 8"/></pattern>
<pattern id="hatch-disk" width="6" height="6" patternUnits="userSpaceOnUse">
<circle class="k-disk" fill-opacity=".7" cx="3" cy="3" r="1.2"/></pattern>
<pattern id="hatch-weather" width="6" height="6" patternUnits="userSpaceOnUse">
<path class="hatch k-weather" d="M0 3H6"/></pattern>
</defs>)svg";
}

std::string_view kind_class(Recording::Span::Kind kind) {
  switch (kind) {
    case Recording::Span::Kind::kCut: return "cut";
    case Recording::Span::Kind::kDown: return "down";
    case Recording::Span::Kind::kPaused: return "paused";
    case Recording::Span::Kind::kClock: return "clock";
    case Recording::Span::Kind::kDisk: return "disk";
    case Recording::Span::Kind::kWeather: return "weather";
  }
  return "down";
}

std::string_view kind_words(Recording::Span::Kind kind) {
  switch (kind) {
    case Recording::Span::Kind::kCut: return "links cut";
    case Recording::Span::Kind::kDown: return "down";
    case Recording::Span::Kind::kPaused: return "paused";
    case Recording::Span::Kind::kClock: return "clock wrong";
    case Recording::Span::Kind::kDisk: return "disk fault";
    case Recording::Span::Kind::kWeather: return "weather";
  }
  return "fault";
}

std::string series_class(std::size_t index) {
  constexpr std::array<std::string_view, 3> kDashes = {"", " d1", " d2"};
  return "s" + std::to_string(index % 6) + std::string(kDashes[index / 6 % 3]);
}

}  // namespace kith::sim
