#pragma once

#include <atoll/spi/plugin.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace atl::spi {

/// How a scheme stores a chunk.
struct fragment_layout {
  std::uint32_t total = 1;     ///< fragments a chunk is stored as; ≥ 1
  std::uint32_t needed = 1;    ///< fragments from which a chunk can be read in the best case; ≥ 1
  std::uint32_t min_write = 1; ///< fragments that must be stored before a write is acknowledged
  bool identical = false;      ///< each fragment is the whole chunk, so one stream feeds them all
};

/// How the fragments of a chunk can be made of one part of the chunk after the other. Cells of the
/// chunk go round the fragments 0 … `data` - 1, which hold the chunk's own bytes; `data` cells in a
/// row are a stripe. Each further fragment has one cell of each stripe. The chunk's last stripe may
/// be shorter: its first cell has up to `cell_bytes`, the following ones what is left, and its
/// parity cells are as long as its first one.
struct striping {
  std::uint32_t cell_bytes = 0; ///< 0: a fragment is made of the whole chunk at once
  std::uint32_t data = 1;       ///< fragments with the chunk's own bytes
};

/// What is known of one fragment of a chunk.
enum class fragment_state : std::uint8_t {
  ok,          ///< stored, and its checksums were right when last read
  missing,     ///< its node is up and doesn't have it
  corrupt,     ///< its node has it, and it is damaged
  unreachable, ///< its node is down
};

struct fragment_report {
  std::uint32_t index = 0; ///< which fragment, 0 … total - 1
  std::uint64_t node = 0;  ///< where
  fragment_state state = fragment_state::ok;
};

/// All that is known of one chunk. One index may be reported from several nodes (a surplus copy),
/// or from none.
struct chunk_report {
  std::uint64_t chunk = 0; ///< the host's number for it within one call
  std::vector<fragment_report> fragments;
};

enum class chunk_health : std::uint8_t {
  healthy,  ///< each fragment is in order exactly once, and none is damaged or surplus
  degraded, ///< fragments are gone, and more could go before anything is lost
  critical, ///< the next loss loses data
  lost,     ///< can't be decoded from the fragments that are in order
};

struct verdict {
  chunk_health health = chunk_health::healthy;
  std::uint32_t spare = 0; ///< fragments that can still be lost without losing data
};

enum class repair_action : std::uint8_t {
  copy,    ///< copy fragment `fragment` from a node in `sources` to a new node
  rebuild, ///< read the fragments `source_fragments`, encode `fragment` anew, store it on a new
           ///< node
  drop,    ///< delete fragment `fragment` on the node `sources.front()`: damaged, or surplus
  verify,  ///< have the node `sources.front()` read fragment `fragment` and check it
};

/// One step of a repair. Where a new fragment goes is the balancer's choice, not the scheme's.
struct repair_step {
  repair_action action = repair_action::copy;
  std::uint64_t chunk = 0;
  std::uint32_t fragment = 0;
  std::vector<std::uint64_t> sources;          ///< nodes, best first
  std::vector<std::uint32_t> source_fragments; ///< for `rebuild`: which fragments, as in `sources`
};

/// What a scheme says of itself with its options.
struct promises {
  std::uint32_t survives_losses = 0; ///< so many fragments can be lost, whichever they are
  std::uint32_t storage_cost = 100;  ///< bytes stored for each byte of data, in hundredths
};

/// A fragment that can be read, and how dear a byte of it is to the host, in a unit of the host's.
struct source {
  std::uint32_t fragment = 0;
  std::uint64_t cost = 1;
};

/// A part of a fragment.
struct fragment_range {
  std::uint32_t fragment = 0;
  std::size_t offset = 0;
  std::size_t length = 0;

  friend bool operator==(const fragment_range&, const fragment_range&) = default;
};

/// A part of a fragment that was read.
struct piece {
  fragment_range from;
  std::string_view bytes; ///< as long as `from`
};

/// How fragments are sent to nodes.
struct transfer_policy {
  /// How often a fragment is sent to a node that doesn't acknowledge it, before another node gets
  /// it; ≥ 1. A node that has the fragment already acknowledges it again.
  std::uint32_t sends = 1;
  std::uint32_t placements = 3; ///< sets of nodes that are tried, one after the other; ≥ 1
  /// How long a node of the first set may be silent; of a later set, as long as the host allows.
  std::chrono::microseconds first_timeout{600'000};
  /// The pause before a fragment is sent again: up to `backoff` at first, and up to twice as long
  /// each time, but never more than `backoff_max`.
  std::chrono::microseconds backoff{10'000};
  std::chrono::microseconds backoff_max{800'000};
  /// How long it is tried while no node makes any progress; 0: as long as the host allows.
  std::chrono::microseconds deadline{0};
  /// Once enough fragments are stored, a further one is waited for at least so long.
  std::chrono::microseconds hedge_after{200'000};

  friend bool operator==(const transfer_policy&, const transfer_policy&) = default;
};

class recovery;
/// Finds out what a scheme promises by trying all losses, of at most 16 fragments; of more than
/// that, the promise is none.
promises promises_by_trying(const recovery& scheme);

struct recovery_setup {
  const atl::spi::options& options;
};

/// Encodes a chunk into fragments, decodes it, and plans its repair. A pure function of its
/// arguments: it keeps no state between calls, and a host may call one object from several threads
/// at once. Two objects with the same options give the same results, in any process: fragments that
/// were encoded at different times and places are decoded together.
///
/// Claims that a verifier knows, both numbers of the default options: `survives_losses` = so many
/// fragments can be lost, whichever they are, `storage_cost` = bytes stored a byte of data, in
/// hundredths (`300` for three copies).
class recovery {
 public:
  recovery() = default;
  recovery(const recovery&) = delete;
  recovery& operator=(const recovery&) = delete;
  virtual ~recovery() = default;

  virtual fragment_layout layout() const = 0;

  /// A word for the format of the fragments, stored with what is encoded: a plugin of the same name
  /// and another word doesn't decode it. Changes when fragments of earlier versions couldn't be
  /// read, and never with the options. 1 to 64 bytes.
  virtual std::string encoding() const { return "1"; }

  virtual promises promised() const { return promises_by_trying(*this); }

  /// The `layout().total` fragments of `chunk`: views into `chunk` itself or into `scratch`, which
  /// the scheme may resize once. What `scratch` held before means nothing.
  virtual std::vector<std::string_view> encode(std::string_view chunk,
                                               std::string& scratch) const = 0;

  /// The chunk of `size` bytes, from the available fragments (by index; none for a missing
  /// fragment): a view into a fragment or into `scratch`. None when the chunk can't be decoded from
  /// these fragments. Bytes of another length than `fragment_size` says are no fragment: the chunk
  /// is decoded without them, or none is given. `size` may be any number, and must be believed only
  /// once fragments fit it.
  virtual std::optional<std::string_view>
  decode(std::size_t size, std::span<const std::optional<std::string_view>> fragments,
         std::string& scratch) const = 0;

  /// The reads from which `length` bytes of a chunk of `size` bytes from `offset` on can be made,
  /// the cheapest that the scheme finds. None: they can't be made from these fragments.
  /// By default whole fragments, in order of their cost.
  /// @param sources at most one for each fragment
  /// @pre the range is within the chunk
  virtual std::optional<std::vector<fragment_range>>
  reads_for(std::size_t size, std::size_t offset, std::size_t length,
            std::span<const source> sources) const;
  /// Makes `out.size()` bytes of a chunk of `size` bytes from `offset` on, out of what `reads_for`
  /// named for them; there may be more pieces, which cover more. @returns false when they don't
  /// suffice; `out` has any content then.
  virtual bool assemble(std::size_t size, std::size_t offset, std::span<const piece> pieces,
                        std::span<char> out) const;

  /// The reads from which a part of a fragment can be made anew, the cheapest that the scheme
  /// finds; none of that fragment itself. None: it can't be made from these fragments. By default
  /// whole fragments, in order of their cost.
  /// @param sources at most one for each fragment
  /// @pre `wanted` is within its fragment
  virtual std::optional<std::vector<fragment_range>>
  reads_to_rebuild(std::size_t size, const fragment_range& wanted,
                   std::span<const source> sources) const;
  /// Makes a part of a fragment out of what `reads_to_rebuild` named for it, like `assemble`.
  /// @param out as long as `wanted`
  virtual bool rebuild(std::size_t size, const fragment_range& wanted,
                       std::span<const piece> pieces, std::span<char> out) const;

  /// Bytes in fragment `index` of a chunk of `size` bytes.
  virtual std::size_t fragment_size(std::size_t size, std::uint32_t index) const = 0;

  /// Whether the chunk can be decoded from the fragments marked present, of which there may be more
  /// than necessary.
  virtual bool enough(const std::vector<bool>& present) const = 0;

  virtual verdict judge(const chunk_report& report) const = 0;

  /// The steps that make all chunks healthy, the most endangered first. A plan may leave some steps
  /// to the next plan. Empty when nothing can or need be done. A plan never drops a fragment that
  /// the chunk still needs, and makes no fragment that is in order. Takes no longer than in
  /// proportion to n log n for n reports.
  virtual std::vector<repair_step> plan(std::span<const chunk_report> reports) const = 0;

  /// How `encode_stripe` makes the fragments; by default it doesn't.
  virtual striping stripes() const { return {}; }

  /// Makes the parity cells of a stripe, as `encode` makes them.
  /// @param data the stripe's data cells; the cells of a chunk's last stripe may be shorter, or
  /// empty
  /// @param parity a cell for each further fragment, as long as the stripe's first cell
  /// @pre `stripes().cell_bytes` is above 0
  virtual void encode_stripe(std::span<const std::string_view> data,
                             std::span<const std::span<char>> parity) const;

  /// How many fragments of a chunk one failure domain (rack, zone) may hold, so that losing the
  /// domain loses no data. From 1 on. A host keeps to it as long as there are domains enough.
  virtual std::uint32_t per_domain_max() const { return 1; }

  /// Whether a fragment counts as written only once its node has read the fragment back from its
  /// disk, past what the machine has in memory, and has answered with the checksum of what the disk
  /// gave. A node whose disk gave something else stores the fragment again, or another node does.
  virtual bool verify_written() const { return false; }

  /// How many times as often as a node would by itself it reads fragments again, to find damage;
  /// 1 to 100.
  virtual std::uint32_t scrub_factor() const { return 1; }

  /// How the scheme wants its fragments to be sent; none: as the operator says.
  virtual std::optional<transfer_policy> transfers() const { return std::nullopt; }
};

namespace detail {

/// The cheapest whole fragments that are enough, without one of them.
inline std::optional<std::vector<fragment_range>>
cheapest_whole_fragments(const recovery& scheme, std::size_t size, std::span<const source> sources,
                         std::optional<std::uint32_t> without = std::nullopt) {
  std::vector<source> ranked(sources.begin(), sources.end());
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const source& a, const source& b) { return a.cost < b.cost; });
  std::vector<bool> present(scheme.layout().total);
  std::vector<fragment_range> reads;
  for (auto& each : ranked) {
    if (each.fragment >= present.size() || each.fragment == without)
      continue;
    present[each.fragment] = true;
    reads.push_back({each.fragment, 0, scheme.fragment_size(size, each.fragment)});
    if (scheme.enough(present))
      return reads;
  }
  return std::nullopt;
}

inline std::optional<std::string_view> decode_pieces(const recovery& scheme, std::size_t size,
                                                     std::span<const piece> pieces,
                                                     std::string& scratch) {
  std::vector<std::optional<std::string_view>> fragments(scheme.layout().total);
  for (auto& each : pieces)
    if (each.from.fragment < fragments.size() && each.from.offset == 0)
      fragments[each.from.fragment] = each.bytes;
  return scheme.decode(size, fragments, scratch);
}

} // namespace detail

inline std::optional<std::vector<fragment_range>>
recovery::reads_for(std::size_t size, std::size_t, std::size_t,
                    std::span<const source> sources) const {
  return detail::cheapest_whole_fragments(*this, size, sources);
}

inline bool recovery::assemble(std::size_t size, std::size_t offset, std::span<const piece> pieces,
                               std::span<char> out) const {
  std::string scratch;
  auto chunk = detail::decode_pieces(*this, size, pieces, scratch);
  if (!chunk || offset > chunk->size() || out.size() > chunk->size() - offset)
    return false;
  std::copy_n(chunk->data() + offset, out.size(), out.data());
  return true;
}

inline std::optional<std::vector<fragment_range>>
recovery::reads_to_rebuild(std::size_t size, const fragment_range& wanted,
                           std::span<const source> sources) const {
  return detail::cheapest_whole_fragments(*this, size, sources, wanted.fragment);
}

inline bool recovery::rebuild(std::size_t size, const fragment_range& wanted,
                              std::span<const piece> pieces, std::span<char> out) const {
  std::string scratch, encoded;
  auto chunk = detail::decode_pieces(*this, size, pieces, scratch);
  if (!chunk)
    return false;
  auto fragments = encode(*chunk, encoded);
  if (wanted.fragment >= fragments.size() || out.size() != wanted.length ||
      wanted.offset > fragments[wanted.fragment].size() ||
      wanted.length > fragments[wanted.fragment].size() - wanted.offset)
    return false;
  std::copy_n(fragments[wanted.fragment].data() + wanted.offset, out.size(), out.data());
  return true;
}

inline void recovery::encode_stripe(std::span<const std::string_view>,
                                    std::span<const std::span<char>>) const {}

inline promises promises_by_trying(const recovery& scheme) {
  constexpr std::uint32_t fragments_max = 16;
  constexpr std::size_t sample_bytes = 16 << 20;
  const auto total = scheme.layout().total;
  promises found;
  std::uint64_t bytes = 0;
  for (std::uint32_t index = 0; index < total; ++index)
    bytes += scheme.fragment_size(sample_bytes, index);
  found.storage_cost = static_cast<std::uint32_t>(bytes * 100 / sample_bytes);
  if (total > fragments_max)
    return found;
  auto fewest = total; ///< losses after which a chunk can't be decoded
  for (std::uint32_t lost = 1; lost < (std::uint32_t{1} << total); ++lost) {
    std::vector<bool> present(total);
    std::uint32_t losses = 0;
    for (std::uint32_t index = 0; index < total; ++index) {
      present[index] = (lost >> index & 1) == 0;
      losses += present[index] ? 0 : 1;
    }
    if (losses < fewest && !scheme.enough(present))
      fewest = losses;
  }
  found.survives_losses = fewest - 1;
  return found;
}

} // namespace atl::spi
