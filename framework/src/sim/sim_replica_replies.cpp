#include "sim_replica.hpp"
#include "simulator.hpp"

#include <utility>

/// Replies of a simulated replica to its clients.
namespace atl::sim {

/// Checks that the applied command is the proposed one.
void sim_replica::check_content(const request_owner& owner) {
  auto& entry = *applying_->entry;
  if (owner.content == 0 || (!entry.no_op && content_hash(entry.command) == owner.content))
    return;
  violate(violation_kind::interface_broken,
          fmt::format("applies {} at index {} for request {}, which proposed something else",
                      entry.no_op ? "nothing" : fmt::format("{} bytes", entry.command.size()),
                      entry.index, entry.id));
}

void sim_replica::on_unknown_request(spi::request_id id) {
  violate(violation_kind::interface_broken,
          fmt::format("answers request {}, which is answered already or was never made", id));
}

void sim_replica::reply(request_handle to, std::string) {
  auto owner = requests_.take(to);
  if (!applying_)
    return violate(violation_kind::interface_broken,
                   "replies to a proposal whose entry isn't applied");
  check_content(owner);
  simulator_.answered(id_, owner,
                      {answer_kind::applied, applying_->entry->index, applying_->result, 0, {}});
}

void sim_replica::refuse(request_handle to, spi::refuse why) {
  auto owner = requests_.take(to);
  simulator_.trace("replica {} refuses request {}: {}", id_, why.id, why.reason);
  auto not_proposed = why.why != spi::refusal::unknown;
  if (not_proposed)
    simulator_.checker().refused(owner.tag);
  auto what = no_answer(not_proposed ? answer_kind::refused : answer_kind::unknown,
                        std::move(why.reason), why.hint);
  what.is_final = not_proposed && simulator_.has_objection(owner.content);
  simulator_.answered(id_, owner, std::move(what));
}

void sim_replica::answer_reads(std::span<const request_handle> reads) {
  for (auto read : reads) {
    auto owner = requests_.take(read);
    simulator_.answered(
        id_, owner,
        {answer_kind::read, machine_.index(), machine_.machine().read(owner.query), 0, {}});
  }
}

void sim_replica::refuse_read(request_handle to, spi::read_refused why) {
  auto owner = requests_.take(to);
  simulator_.trace("replica {} refuses read {}: {}", id_, why.id, why.reason);
  simulator_.answered(id_, owner, no_answer(answer_kind::refused, std::move(why.reason), why.hint));
}

} // namespace atl::sim
