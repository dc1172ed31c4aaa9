#pragma once

#include <atoll/sim/diagram.hpp>
#include <atoll/sim/svg.hpp>

#include <deque>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace atl::sim {

/// Lays out the events of a run and draws them.
class diagram_picture {
 public:
  diagram_picture(const std::vector<diagram::lane>& before, const std::deque<run_event>& events,
                  const diagram_window& window, std::size_t left_out);

  std::string draw(const std::vector<std::string>& heading);

 private:
  using point = svg::point;

  // -- layout
  void place_lanes();
  void place_rows(double top);
  double x_of(spi::replica_id id) const { return lane_x_[id - 1]; }
  /// Vertical position of a time, interpolated between the rows around it.
  double y_of(std::int64_t at) const;

  // -- drawing
  void draw_heading(const std::vector<std::string>& heading);
  void draw_times();
  void draw_lanes();
  void draw_lane(spi::replica_id id);
  void draw_event(const run_event& it, double y);
  void draw_arrival(const run_event& it, double y);
  void draw_loss(const run_event& it, double y);
  void draw_in_flight();
  void draw_request(const run_event& it, double y);
  void draw_violation(const run_event& it, double y);
  void label(std::string_view style, spi::replica_id id, double y, std::string_view words);
  void banner(std::string_view style, double y, std::string_view words);

  std::vector<diagram::lane> before_;
  const std::deque<run_event>& events_;
  const diagram_window& window_;
  std::size_t left_out_;
  svg out_;
  std::vector<double> lane_x_; ///< by replica; 0: the replica has no events
  std::vector<double> rows_;   ///< by event
  double top_ = 0;             ///< of the lifelines
  double bottom_ = 0;
  double width_ = 0;
  std::unordered_map<std::uint64_t, std::pair<const run_event*, double>> under_way_;
};

} // namespace atl::sim
