#include "../../common/fault_draw.hpp"

#include <atoll/spi/plugin_finder.hpp>
#include <atoll/spi/recovery.hpp>

#include <algorithm>
#include <memory>

namespace {

using namespace atl::spi;
using atl::faulty::fault_draw;

/// Another scheme, a share of whose calls fails. What is encoded is always right: only what a host
/// checks by the checksum of a chunk is garbled.
class faulty final : public recovery {
 public:
  explicit faulty(const recovery_setup& setup)
      : found_{find_named_plugin(plugin_kind::recovery, setup.options)},
        inner_{found_->create.recovery({found_.options})}, faults_{setup.options, 0} {}

  fragment_layout layout() const override { return inner_->layout(); }
  std::string encoding() const override { return inner_->encoding(); }
  promises promised() const override { return inner_->promised(); }
  std::size_t fragment_size(std::size_t size, std::uint32_t index) const override {
    return inner_->fragment_size(size, index);
  }
  bool enough(const std::vector<bool>& present) const override { return inner_->enough(present); }
  verdict judge(const chunk_report& report) const override { return inner_->judge(report); }
  bool verify_written() const override { return inner_->verify_written(); }
  std::uint32_t scrub_factor() const override { return inner_->scrub_factor(); }
  std::optional<transfer_policy> transfers() const override { return inner_->transfers(); }
  striping stripes() const override { return inner_->stripes(); }
  std::uint32_t per_domain_max() const override { return inner_->per_domain_max(); }
  void encode_stripe(std::span<const std::string_view> data,
                     std::span<const std::span<char>> parity) const override {
    faults_.maybe_wait();
    inner_->encode_stripe(data, parity);
  }

  std::vector<std::string_view> encode(std::string_view chunk,
                                       std::string& scratch) const override {
    faults_.maybe_wait();
    return inner_->encode(chunk, scratch);
  }

  std::optional<std::string_view> decode(std::size_t size,
                                         std::span<const std::optional<std::string_view>> fragments,
                                         std::string& scratch) const override {
    faults_.maybe_wait();
    if (faults_.fails())
      return std::nullopt;
    std::string decoded;
    auto chunk = inner_->decode(size, fragments, decoded);
    if (!chunk)
      return chunk;
    scratch.assign(*chunk);
    if (!scratch.empty() && faults_.garbles())
      scratch[faults_.below(scratch.size())] ^= 0x10;
    return scratch;
  }

  /// A failure names the dearest reads.
  std::optional<std::vector<fragment_range>>
  reads_for(std::size_t size, std::size_t offset, std::size_t length,
            std::span<const source> sources) const override {
    faults_.maybe_wait();
    if (!faults_.fails())
      return inner_->reads_for(size, offset, length, sources);
    auto swapped = with_swapped_costs(sources);
    return inner_->reads_for(size, offset, length, swapped);
  }
  bool assemble(std::size_t size, std::size_t offset, std::span<const piece> pieces,
                std::span<char> out) const override {
    faults_.maybe_wait();
    return !faults_.fails() && inner_->assemble(size, offset, pieces, out);
  }
  std::optional<std::vector<fragment_range>>
  reads_to_rebuild(std::size_t size, const fragment_range& wanted,
                   std::span<const source> sources) const override {
    faults_.maybe_wait();
    if (!faults_.fails())
      return inner_->reads_to_rebuild(size, wanted, sources);
    auto swapped = with_swapped_costs(sources);
    return inner_->reads_to_rebuild(size, wanted, swapped);
  }
  bool rebuild(std::size_t size, const fragment_range& wanted, std::span<const piece> pieces,
               std::span<char> out) const override {
    faults_.maybe_wait();
    return !faults_.fails() && inner_->rebuild(size, wanted, pieces, out);
  }

  /// A failure plans nothing, this time.
  std::vector<repair_step> plan(std::span<const chunk_report> reports) const override {
    faults_.maybe_wait();
    return faults_.fails() ? std::vector<repair_step>{} : inner_->plan(reports);
  }

 private:
  static std::vector<source> with_swapped_costs(std::span<const source> sources) {
    std::vector<source> swapped(sources.begin(), sources.end());
    std::uint64_t dearest = 0;
    for (auto& each : sources)
      dearest = std::max(dearest, each.cost);
    for (auto& each : swapped)
      each.cost = dearest - each.cost + 1;
    return swapped;
  }

  const found_plugin found_;
  const std::unique_ptr<recovery> inner_;
  mutable fault_draw faults_;
};

namespace specs = atl::faulty;

constexpr option_spec options_known[] = {
    specs::plugin_option("replicate"),
    specs::options_option,
    specs::share_option("fail",
                        "The share of calls that fail: a chunk isn't decoded, a range isn't "
                        "made, a plan is empty, or the dearest reads are named"),
    specs::share_option("garble", "The share of decoded chunks that have one wrong bit"),
    specs::share_option("delay", "The share of calls that take up to delay_time longer"),
    specs::delay_time_option,
    specs::seed_option,
};

} // namespace

ATOLL_PLUGIN(recovery, faulty, 1, 0, 0){
    .summary = "Another scheme, a share of whose calls fails: for rehearsals, not for data",
    .licence = "Apache-2.0",
    .options = options_known,
    .create = [](const recovery_setup& setup) -> recovery* { return new faulty{setup}; },
};
