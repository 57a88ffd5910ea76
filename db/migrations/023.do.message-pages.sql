-- Messages beside a place, in this order and by these indexes whatever the planner knows: on a table without statistics, as after a
-- restore, it took a channel for so small that it read and sorted all of it for each page. STABLE: they see what the statement sees that
-- calls them, so that a page and the head beside it are of one moment.

-- The p_below messages of a channel below the seq p_place that are nearest to it, and the p_above from it on.
CREATE FUNCTION messages_beside(p_channel bigint, p_place bigint, p_below int, p_above int) RETURNS SETOF messages
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $$
BEGIN
  RETURN QUERY SELECT * FROM messages WHERE channel_id = p_channel AND seq < p_place ORDER BY seq DESC LIMIT p_below;
  RETURN QUERY SELECT * FROM messages WHERE channel_id = p_channel AND seq >= p_place ORDER BY seq LIMIT p_above;
END $$;

-- The same among the replies to a message.
CREATE FUNCTION replies_beside(p_message bigint, p_place bigint, p_below int, p_above int) RETURNS SETOF messages
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $$
BEGIN
  RETURN QUERY SELECT * FROM messages WHERE reply_to_id = p_message AND seq < p_place ORDER BY seq DESC LIMIT p_below;
  RETURN QUERY SELECT * FROM messages WHERE reply_to_id = p_message AND seq >= p_place ORDER BY seq LIMIT p_above;
END $$;
