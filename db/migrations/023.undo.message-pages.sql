DROP FUNCTION replies_beside(bigint, bigint, int, int);
DROP FUNCTION messages_beside(bigint, bigint, int, int);
