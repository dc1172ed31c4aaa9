#include "diagram_picture.hpp"

#include <algorithm>
#include <cmath>

namespace atl::sim {

namespace {

constexpr double row_height = 20;
constexpr double line_height = 15; ///< of plain text
constexpr double letter_width = 7;
constexpr double title_letter_width = 8.2; ///< 13 px, bold
constexpr double times_x = 12;
constexpr double clients_x = 120;
constexpr double first_lane_x = 370;
constexpr double lane_distance = 240;
constexpr double faults_width = 190;
constexpr std::size_t label_length = 36;
constexpr std::size_t violation_line = 110;
/// Shortest pause whose length is printed, in microseconds.
constexpr std::int64_t long_gap = 20'000;

constexpr std::string_view style_sheet = R"(
.paper { fill: #ffffff }
text { font: 11px ui-monospace, Menlo, Consolas, monospace; fill: #24292f;
  paint-order: stroke; stroke: #ffffff; stroke-width: 3px; stroke-linejoin: round }
line, path { fill: none; stroke: #57606a; stroke-width: 1.2 }
.title { font-size: 13px; font-weight: bold }
.lane { font-size: 13px; font-weight: bold; text-anchor: middle }
.time { fill: #6e7781; font-size: 10px }
.gap { fill: #9a6700; font-size: 10px }
.dim { fill: #8c959f; font-size: 10px }
.size { fill: #57606a; font-size: 9px }
.size-left { fill: #57606a; font-size: 9px; text-anchor: end }
.good { fill: #1a7f37; font-weight: bold }
.bad { fill: #cf222e; font-weight: bold }
.fault { fill: #cf222e; font-size: 10px }
.applied { fill: #8250df }
.client { fill: #0550ae }
.down { stroke: #afb8c1; stroke-dasharray: 2 5 }
.follower, .learner { stroke: #8c959f; stroke-width: 2 }
.learner { stroke-dasharray: 6 3 }
.candidate { stroke: #d4820b; stroke-width: 6 }
.leader { stroke: #1a7f37; stroke-width: 7 }
.paused { fill: #ffd33d; fill-opacity: 0.35 }
.clients { stroke: #54aeff; stroke-width: 2 }
.message .head { fill: #57606a }
.again path { stroke-dasharray: 5 3 }
.again .head { fill: #57606a }
.missed path, .lost path { stroke: #cf222e; stroke-dasharray: 4 3 }
.missed .head, .lost .head { fill: #cf222e }
.flying path { stroke-dasharray: 2 3 }
.cross { stroke: #cf222e; stroke-width: 2 }
.request path, .request .head { stroke: #0550ae }
.request .head { fill: #0550ae }
.banner { stroke: #9a6700; stroke-dasharray: 8 4 }
.banner-text { fill: #9a6700; font-weight: bold }
.violation { fill: #ffebe9; stroke: #cf222e; stroke-width: 2 }
)";

std::string client_name(std::uint64_t number) {
  return number == script_client  ? "script"
         : number == admin_client ? "admin"
                                  : fmt::format("client {}", number);
}

std::string time_text(std::int64_t at) {
  return fmt::format("{:.6f}", static_cast<double>(at) / 1e6);
}

/// Breaks at blanks if possible.
std::vector<std::string> wrap(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  while (text.size() > width) {
    auto at = text.rfind(' ', width);
    auto end = at == std::string_view::npos || at == 0 ? width : at;
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == at ? end + 1 : end);
  }
  lines.emplace_back(text);
  return lines;
}

/// Messages sent at the same time leave from one row.
bool shares_row(const run_event& a, const run_event& b) {
  return a.what == run_event_kind::sent && b.what == run_event_kind::sent && a.at == b.at &&
         a.replica == b.replica;
}

std::string_view style_of(const diagram::lane& lane) {
  if (!lane.up)
    return "down";
  switch (lane.role) {
  case spi::replica_role::leader:
    return "leader";
  case spi::replica_role::candidate:
    return "candidate";
  case spi::replica_role::learner:
    return "learner";
  case spi::replica_role::follower:
    break;
  }
  return "follower";
}

} // namespace

diagram_picture::diagram_picture(const std::vector<diagram::lane>& before,
                                 const std::deque<run_event>& events, const diagram_window& window,
                                 std::size_t left_out)
    : before_{before}, events_{events}, window_{window}, left_out_{left_out} {}

// -- layout -----------------------------------------------------------------------------------

void diagram_picture::place_lanes() {
  spi::replica_id last = static_cast<spi::replica_id>(before_.size());
  for (auto& event : events_)
    last = std::max({last, event.replica, event.what == run_event_kind::role ? 0 : event.peer});
  before_.resize(last);
  for (auto& event : events_)
    for (auto id : {event.replica, event.what == run_event_kind::role ? 0 : event.peer})
      if (id != 0)
        before_[id - 1].seen = true;
  lane_x_.assign(last, 0);
  auto x = first_lane_x;
  for (spi::replica_id id = 1; id <= last; ++id)
    if (before_[id - 1].seen) {
      lane_x_[id - 1] = x;
      x += lane_distance;
    }
  width_ = x + faults_width;
}

void diagram_picture::place_rows(double top) {
  top_ = top;
  auto y = top;
  const run_event* last = nullptr;
  for (auto& event : events_) {
    if (!last || !shares_row(*last, event))
      y += row_height;
    if (last && event.at > last->at) // a longer time takes more space, but not in proportion
      y += 3 * std::log10(static_cast<double>(event.at - last->at)) +
           (event.at - last->at >= long_gap ? row_height : 0);
    rows_.push_back(y);
    if (event.what == run_event_kind::violated)
      y += line_height * static_cast<double>(wrap(event.text, violation_line).size());
    last = &event;
  }
  bottom_ = y + 2 * row_height;
}

double diagram_picture::y_of(std::int64_t at) const {
  for (std::size_t i = 0; i < events_.size(); ++i)
    if (events_[i].at >= at)
      return rows_[i];
  return bottom_;
}

// -- the frame --------------------------------------------------------------------------------

std::string diagram_picture::draw(const std::vector<std::string>& heading) {
  place_lanes();
  draw_heading(heading);
  draw_times();
  draw_lanes();
  for (std::size_t i = 0; i < events_.size(); ++i)
    draw_event(events_[i], rows_[i]);
  draw_in_flight();
  return out_.document(width_, bottom_ + row_height, style_sheet);
}

void diagram_picture::draw_heading(const std::vector<std::string>& heading) {
  std::vector<std::string> lines;
  auto letters = static_cast<std::size_t>((width_ - 2 * times_x) / letter_width);
  auto title_letters = static_cast<std::size_t>((width_ - 2 * times_x) / title_letter_width);
  std::size_t title_lines = 0;
  for (std::size_t i = 0; i < heading.size(); ++i) {
    for (auto& line : wrap(heading[i], i == 0 ? title_letters : letters))
      lines.push_back(line);
    if (i == 0)
      title_lines = lines.size();
  }
  if (!events_.empty())
    lines.push_back(fmt::format(
        "from {} s to {} s{}", time_text(events_.front().at), time_text(events_.back().at),
        left_out_ == 0 ? ""
                       : fmt::format("; {} events {} these are left out", left_out_,
                                     window_.from > 0 ? "behind" : "before")));
  lines.emplace_back("green: leads; orange: stands for election; dotted: down; yellow: paused; "
                     "red: a fault; message numbers count all of the run");
  auto y = line_height;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    out_.text(i < title_lines ? "title" : "head", {times_x, y}, lines[i], letters + 1);
    y += line_height;
  }
  place_rows(y + line_height);
}

void diagram_picture::draw_times() {
  for (std::size_t i = 0; i < events_.size(); ++i) {
    if (i > 0 && events_[i].at == events_[i - 1].at)
      continue;
    out_.text("time", {times_x, rows_[i] + 3}, time_text(events_[i].at));
    auto gap = i > 0 ? events_[i].at - events_[i - 1].at : 0;
    if (gap >= long_gap)
      out_.text("gap", {times_x, (rows_[i] + rows_[i - 1]) / 2 + 3},
                fmt::format("{} ms", gap / 1000));
  }
}

void diagram_picture::draw_lanes() {
  out_.text("lane", {clients_x, top_}, "clients");
  out_.text("fault", {width_ - faults_width, top_}, "faults");
  out_.line("clients", {clients_x, top_ + 6}, {clients_x, bottom_});
  for (spi::replica_id id = 1; id <= lane_x_.size(); ++id)
    if (lane_x_[id - 1] != 0)
      draw_lane(id);
}

void diagram_picture::draw_lane(spi::replica_id id) {
  out_.text("lane", {x_of(id), top_}, fmt::format("replica {}", id));
  auto now = before_[id - 1];
  auto from = top_ + 6;
  auto begin = events_.empty() ? 0 : events_.front().at;
  double paused_from = now.paused_until > begin ? from : 0;
  auto end_pause = [&](double y) {
    if (paused_from != 0)
      out_.box("paused", {x_of(id) - 9, paused_from}, 18,
               std::max(2.0, std::min(y, y_of(now.paused_until)) - paused_from));
    paused_from = 0;
  };
  for (std::size_t i = 0; i < events_.size(); ++i) {
    auto& event = events_[i];
    auto ends_pauses = event.what == run_event_kind::all_healed;
    if (event.replica != id && !ends_pauses)
      continue;
    if (ends_pauses || event.what == run_event_kind::stopped ||
        event.what == run_event_kind::paused)
      end_pause(rows_[i]);
    if (ends_pauses)
      continue;
    auto next = now;
    next.follow(event);
    if (style_of(next) != style_of(now)) {
      out_.line(style_of(now), {x_of(id), from}, {x_of(id), rows_[i]});
      from = rows_[i];
    }
    if (event.what == run_event_kind::paused)
      paused_from = rows_[i];
    now = next;
  }
  end_pause(bottom_);
  out_.line(style_of(now), {x_of(id), from}, {x_of(id), bottom_});
}

// -- events -----------------------------------------------------------------------------------

void diagram_picture::label(std::string_view style, spi::replica_id id, double y,
                            std::string_view words) {
  out_.text(style, {x_of(id) + 9, y + 4}, words, label_length);
}

void diagram_picture::banner(std::string_view style, double y, std::string_view words) {
  out_.line("banner", {clients_x, y}, {width_ - times_x, y});
  out_.text(style, {clients_x + 9, y - 3}, words, label_length);
}

void diagram_picture::draw_event(const run_event& event, double y) {
  auto id = event.replica;
  auto draw_label = [&](std::string_view style, std::string_view words) {
    label(style, id, y, words);
  };
  switch (event.what) {
  case run_event_kind::started:
    return draw_label("good", fmt::format("starts as incarnation {}", event.number));
  case run_event_kind::not_admitted:
    return draw_label("bad", "kept out: " + event.text);
  case run_event_kind::stopped:
    out_.cross("cross", {x_of(id), y});
    return draw_label("bad", "stops: " + event.text);
  case run_event_kind::lost_disk:
    return draw_label("bad", "loses its disk");
  case run_event_kind::damaged:
    return draw_label("bad", "a record turns unreadable");
  case run_event_kind::paused:
    return draw_label("bad", fmt::format("pauses until {}", time_text(event.until)));
  case run_event_kind::clock_jumped:
    return draw_label("bad", "its clock jumps ahead");
  case run_event_kind::sent:
    if (!event.text.empty())
      out_.text("fault", {width_ - faults_width, y + 4}, event.text, 30);
    under_way_[event.number] = {&event, y};
    return;
  case run_event_kind::lost:
    return draw_loss(event, y);
  case run_event_kind::arrived:
  case run_event_kind::missed:
    return draw_arrival(event, y);
  case run_event_kind::synced:
    return draw_label("dim", fmt::format("on disk: {}", event.number));
  case run_event_kind::role:
    if (event.role == spi::replica_role::leader)
      return draw_label("good", fmt::format("leads in term {}", event.number));
    return draw_label("words",
                      fmt::format("{} in term {}{}",
                                  event.role == spi::replica_role::candidate ? "candidate"
                                  : event.role == spi::replica_role::learner ? "learner"
                                                                             : "follower",
                                  event.number,
                                  event.peer == 0 ? "" : fmt::format(", leader {}", event.peer)));
  case run_event_kind::applied:
    return draw_label("applied", fmt::format("applies {}: {}", event.number, event.text));
  case run_event_kind::installed:
    return draw_label("applied", fmt::format("installs the snapshot of {}", event.number));
  case run_event_kind::members:
    return draw_label("words", event.text);
  case run_event_kind::asked:
  case run_event_kind::answered:
    return draw_request(event, y);
  case run_event_kind::links:
    return banner("banner-text", y, event.text);
  case run_event_kind::all_healed:
    return banner("banner-text", y, "all faults stop");
  case run_event_kind::fault:
    out_.text("fault", {width_ - faults_width, y + 4}, event.text, 30);
    return;
  case run_event_kind::violated:
    return draw_violation(event, y);
  }
}

void diagram_picture::draw_arrival(const run_event& event, double y) {
  auto found = under_way_.find(event.number);
  auto known = found != under_way_.end();
  auto again = known && found->second.first == nullptr;
  auto missed = event.what == run_event_kind::missed;
  // The message does not reach a replica that is down or cut off.
  auto way = x_of(event.replica) - x_of(event.peer);
  point to{x_of(event.peer) + (missed ? 0.9 * way : way - std::copysign(4.0, way)), y};
  // A message sent before the first drawn event starts above the picture.
  point from{to.x - 0.3 * way, y - row_height / 2};
  if (known)
    from = {x_of(event.peer), found->second.second};
  out_.arrow(missed            ? "missed"
             : again || !known ? "again"
                               : "message",
             from, to,
             fmt::format("message {} from {} to {}, {} bytes, sent {}, came {}{}", event.number,
                         event.peer, event.replica, event.bytes, time_text(event.since),
                         time_text(event.at), missed ? ", and the replica was not reached" : ""));
  if (missed)
    out_.cross("cross", to);
  auto from_left = to.x > from.x;
  out_.text(from_left ? "size-left" : "size", {to.x + (from_left ? -12 : 12), y + 9},
            fmt::format("#{} {} B{}", event.number, event.bytes, again ? " again" : ""));
  if (known)
    found->second.first = nullptr;
}

void diagram_picture::draw_loss(const run_event& event, double y) {
  point from{x_of(event.replica), y};
  point to{from.x + (x_of(event.peer) - from.x) * 0.4, y + 8};
  auto why = event.text.empty() ? "cut off" : event.text;
  out_.arrow("lost", from, to,
             fmt::format("message {} from {} to {}, {} bytes: {}", event.number, event.replica,
                         event.peer, event.bytes, why));
  out_.cross("cross", to);
  out_.text(to.x > from.x ? "size" : "size-left", {to.x + (to.x > from.x ? 8 : -8), y + 11},
            fmt::format("#{} {} B {}", event.number, event.bytes, why), label_length);
}

void diagram_picture::draw_in_flight() {
  for (std::size_t i = 0; i < events_.size(); ++i) {
    auto& event = events_[i];
    if (event.what != run_event_kind::sent || under_way_[event.number].first == nullptr)
      continue;
    point from{x_of(event.replica), rows_[i]};
    point to{from.x + (x_of(event.peer) - from.x) * 0.3, std::min(rows_[i] + row_height, bottom_)};
    out_.arrow("flying", from, to,
               fmt::format("message {} from {} to {}, {} bytes, still on its way", event.number,
                           event.replica, event.peer, event.bytes));
  }
}

void diagram_picture::draw_request(const run_event& event, double y) {
  point client{clients_x, y};
  point replica{x_of(event.replica) - 5, y};
  auto is_request = event.what == run_event_kind::asked;
  auto words = fmt::format("{}: {}", client_name(event.number), event.text);
  out_.arrow("request", is_request ? client : replica, is_request ? replica : client, words);
  out_.text("client", {clients_x + 9, y - 3}, words, label_length);
}

void diagram_picture::draw_violation(const run_event& event, double y) {
  auto lines = wrap(event.text, violation_line);
  auto height = line_height * static_cast<double>(lines.size()) + 8;
  out_.box("violation", {clients_x, y - 4}, width_ - clients_x - times_x, height);
  auto at = y + line_height - 4;
  for (auto& line : lines) {
    out_.text("bad", {clients_x + 9, at}, line);
    at += line_height;
  }
}

} // namespace atl::sim
