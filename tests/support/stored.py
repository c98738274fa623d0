"""Everything that is in the database, to look for what must not be there."""

from django.db import connection


def stored() -> str:
    """Each value of each table, as text or as bytes."""
    with connection.cursor() as cursor:
        found = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            found += [bytes(value) if isinstance(value, memoryview) else value for row in cursor for value in row]
    return repr(found)
