#pragma once

#include <atoll/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

/// What a node measures about itself, in the data model of Prometheus: families of samples, each
/// sample told from the others of its family by labels.
namespace atl {

enum class metric_type : std::uint8_t {
  counter, ///< only grows, from 0 at the node's start; its name ends with `_total`
  gauge,
  summary, ///< quantiles, a sum and a count
};
inline constexpr metric_type metric_type_last = metric_type::summary;
/// `counter`, `gauge`, `summary`.
std::string_view to_string(metric_type which);

struct metric_label {
  std::string name;
  std::string value;

  friend bool operator==(const metric_label&, const metric_label&) = default;
};
using metric_labels = std::vector<metric_label>;

/// Which number of its family a sample is.
enum class metric_part : std::uint8_t {
  value, ///< of a summary: a quantile, which the label `quantile` names
  sum,   ///< of a summary
  count, ///< of a summary
};
inline constexpr metric_part metric_part_last = metric_part::count;

struct metric_sample {
  metric_part part = metric_part::value;
  metric_labels labels;
  double value = 0;

  friend bool operator==(const metric_sample&, const metric_sample&) = default;
};

struct metric_family {
  std::string name; ///< `atoll_replica_applied_index`; the unit comes last: `_seconds`, `_bytes`
  std::string help; ///< for people
  metric_type type = metric_type::gauge;
  std::vector<metric_sample> samples;

  friend bool operator==(const metric_family&, const metric_family&) = default;
};

struct metric_quantile {
  double part = 0; ///< from 0 to 1
  double value = 0;
};

/// The metrics of a node or a part of it. Bounded: what comes beyond is left out and counted. Long
/// texts are cut off, and characters that a name mustn't have become `_`. Not thread-safe.
class metric_set {
 public:
  static constexpr std::size_t families_max = 512;
  static constexpr std::size_t samples_max = 4096;
  static constexpr std::size_t labels_max = 8;
  static constexpr std::size_t text_bytes_max = 256; ///< of a name, a help text, a label's value

  // -- samples; the first of a family says what the family is
  void counter(std::string_view name, std::string_view help, double value,
               const metric_labels& labels = {});
  void gauge(std::string_view name, std::string_view help, double value,
             const metric_labels& labels = {});
  /// @param count of the values so far @param sum of these
  void summary(std::string_view name, std::string_view help,
               std::initializer_list<metric_quantile> quantiles, double sum, double count,
               const metric_labels& labels = {});
  /// Adds the samples of another set. @param labels further labels of each, which come first
  void add(const metric_set& other, const metric_labels& labels = {});

  /// In the order in which they were added.
  const std::vector<metric_family>& families() const { return families_; }
  /// Null: there is none of this name.
  const metric_family* find(std::string_view name) const;
  std::uint64_t left_out() const { return left_out_; } ///< samples

  friend std::string encode(const metric_set& metrics);
  friend result<metric_set> decode_metrics(std::string_view bytes);
  friend bool operator==(const metric_set&, const metric_set&) = default;

 private:
  void put(std::string_view name, std::string_view help, metric_type type, metric_sample sample);

  std::vector<metric_family> families_;
  std::size_t samples_ = 0;
  std::uint64_t left_out_ = 0;
};

std::string encode(const metric_set& metrics);
/// Reads hostile bytes. Error: corrupt.
result<metric_set> decode_metrics(std::string_view bytes);

/// The text exposition format of Prometheus, version 0.0.4, which its scrapers and
/// `node_exporter`'s text files take. Texts are safe for a terminal, as by `printable`. Ends with
/// `atoll_metrics_left_out`, the number of samples that the bounds of a `metric_set` left out.
std::string to_prometheus_text(const metric_set& metrics);

} // namespace atl
