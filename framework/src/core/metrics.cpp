#include <atoll/core/metrics.hpp>
#include <atoll/spi/codec.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

namespace atl {

namespace {

constexpr bool is_name_character(char it) {
  return (it >= 'a' && it <= 'z') || (it >= 'A' && it <= 'Z') || (it >= '0' && it <= '9') ||
         it == '_';
}

bool is_name(std::string_view text) {
  return !text.empty() && !(text[0] >= '0' && text[0] <= '9') &&
         std::ranges::all_of(text, is_name_character);
}

std::string name_of(std::string_view text) {
  std::string name{text.substr(0, metric_set::text_bytes_max - 1)};
  for (auto& it : name)
    if (!is_name_character(it))
      it = '_';
  return is_name(name) ? name : '_' + name;
}

std::string text_of(std::string_view text) {
  return std::string{text.substr(0, metric_set::text_bytes_max)};
}

} // namespace

std::string_view to_string(metric_type which) {
  constexpr std::string_view names[] = {"counter", "gauge", "summary"};
  return names[static_cast<std::size_t>(which)];
}

const metric_family* metric_set::find(std::string_view name) const {
  auto found = std::ranges::find(families_, name, &metric_family::name);
  return found == families_.end() ? nullptr : &*found;
}

void metric_set::put(std::string_view name, std::string_view help, metric_type type,
                     metric_sample sample) {
  auto full_name = name_of(name);
  auto family = std::ranges::find(families_, full_name, &metric_family::name);
  auto is_new = family == families_.end();
  if (samples_ >= samples_max || (is_new && families_.size() >= families_max)) {
    ++left_out_;
    return;
  }
  if (is_new)
    family = families_.insert(family, {std::move(full_name), text_of(help), type, {}});
  auto& labels = sample.labels;
  labels.resize(std::min(labels.size(), labels_max));
  for (auto& label : labels)
    label = {name_of(label.name), text_of(label.value)};
  family->samples.push_back(std::move(sample));
  ++samples_;
}

void metric_set::counter(std::string_view name, std::string_view help, double value,
                         const metric_labels& labels) {
  put(name, help, metric_type::counter, {metric_part::value, labels, value});
}

void metric_set::gauge(std::string_view name, std::string_view help, double value,
                       const metric_labels& labels) {
  put(name, help, metric_type::gauge, {metric_part::value, labels, value});
}

void metric_set::summary(std::string_view name, std::string_view help,
                         std::initializer_list<metric_quantile> quantiles, double sum, double count,
                         const metric_labels& labels) {
  for (auto& it : quantiles) {
    auto of_quantile = labels;
    of_quantile.push_back({"quantile", fmt::format("{}", it.part)});
    put(name, help, metric_type::summary, {metric_part::value, of_quantile, it.value});
  }
  put(name, help, metric_type::summary, {metric_part::sum, labels, sum});
  put(name, help, metric_type::summary, {metric_part::count, labels, count});
}

void metric_set::add(const metric_set& other, const metric_labels& labels) {
  left_out_ += other.left_out_;
  for (auto& family : other.families_)
    for (auto sample : family.samples) {
      sample.labels.insert(sample.labels.begin(), labels.begin(), labels.end());
      put(family.name, family.help, family.type, std::move(sample));
    }
}

std::string encode(const metric_set& metrics) {
  spi::writer out;
  out.put(metrics.left_out_).put(static_cast<std::uint32_t>(metrics.families_.size()));
  for (auto& family : metrics.families_) {
    out.put(family.name).put(family.help).put(family.type);
    out.put(static_cast<std::uint32_t>(family.samples.size()));
    for (auto& sample : family.samples) {
      out.put(sample.part).put(std::bit_cast<std::uint64_t>(sample.value));
      out.put(static_cast<std::uint32_t>(sample.labels.size()));
      for (auto& label : sample.labels)
        out.put(label.name).put(label.value);
    }
  }
  return out.take();
}

result<metric_set> decode_metrics(std::string_view bytes) {
  constexpr auto text_max = metric_set::text_bytes_max;
  constexpr std::size_t family_bytes = 13, sample_bytes = 13, label_bytes = 8; // with empty texts
  spi::reader in{bytes};
  auto get_name = [&] {
    auto name = in.get_string(text_max);
    if (!is_name(name))
      in.fail();
    return name;
  };
  auto get_count = [&](std::size_t item_bytes, std::size_t limit) {
    auto count = in.get_count(item_bytes);
    if (count > limit)
      in.fail();
    return in.ok() ? count : 0;
  };
  metric_set read;
  read.left_out_ = in.get<std::uint64_t>();
  auto families = get_count(family_bytes, metric_set::families_max);
  for (std::uint32_t i = 0; in.ok() && i < families; ++i) {
    auto& family = read.families_.emplace_back();
    family.name = get_name();
    family.help = in.get_string(text_max);
    family.type = in.get_enum(metric_type_last);
    auto samples = get_count(sample_bytes, metric_set::samples_max - read.samples_);
    read.samples_ += samples;
    for (std::uint32_t k = 0; in.ok() && k < samples; ++k) {
      auto& sample = family.samples.emplace_back();
      sample.part = in.get_enum(metric_part_last);
      sample.value = std::bit_cast<double>(in.get<std::uint64_t>());
      auto labels = get_count(label_bytes, metric_set::labels_max);
      for (std::uint32_t n = 0; in.ok() && n < labels; ++n) {
        auto name = get_name();
        sample.labels.push_back({std::move(name), in.get_string(text_max)});
      }
    }
  }
  if (!in.done())
    return fail(errc::corrupt, "a node's metrics that can't be read");
  return read;
}

} // namespace atl
